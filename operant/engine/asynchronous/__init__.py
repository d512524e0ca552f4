"""Actors and a learner apart: workers play environments of their own while what they gave before is learnt from."""
