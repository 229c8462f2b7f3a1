"""Does the way of asking move the answer?"""
