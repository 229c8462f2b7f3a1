"""Do repeated looks agree, and how far can a score be trusted?"""
