"""Calls between two processes: the judge, which checks, and the pupil, whose answer is checked."""
