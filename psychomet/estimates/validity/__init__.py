"""Does the score mean what its name says?"""
