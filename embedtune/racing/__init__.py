"""The race of recipes: who runs how far, who leaves, and what may be claimed at the end. It knows no training.

>>> from embedtune.racing.plan import plan_race
>>> plan_race(600, arms=5, course=40).final
40
"""
