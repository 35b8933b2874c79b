"""What is cut off Korean words, and Korean words that name nothing, for keywords alone: search keeps all words."""

LEAST_STEM = 2
"""Syllables that must be left before a particle: 나이 is not 나."""
PARTICLES = sorted(
    """
    을 를 이 가 은 는 에 의 도 로 와 과 만 나 랑 께 요 에서 에게 에는 에도 에서는 에서도 에게는 으로 으로는
    으로도 으로서 으로써 로는 로도 로서 로써 이나 이랑 까지 까지는 부터 부터는 보다 처럼 마다 조차 마저 밖에
    이라 이란 라는 이라는 라고 이라고 한테 께서 하고 이며 인데 이고 입니다 이에요 예요 인가요 인지 이다
    합니다 됩니다 하는 되는 하여 되어 하기 하려면 한다 된다 하면 되면 되며 하며 해야
    했습니다 되었습니다 받는 받은
    """.split(),  # noqa: SIM905  (a list of 60 quoted words is no easier to read)
    key=lambda one: (-len(one), one),
)
"""Particles, the copula and endings that make a verb of a noun, the longest first, so that 에서는 is not
taken for 는."""
SURE = frozenset("을 를 의 에 에서 까지 부터 으로 로 과 와 이나 보다 만 은 는 씩 입니다 이며 이고".split())  # noqa: SIM905
"""Particles that a word of two syllables seldom ends with by chance."""
COUNTED = 3
"""Different sure particles from which the syllable before them is a noun by itself, such as 원 (won): names nothing;
마을 and 가을 are words of two syllables."""
COMMON = frozenset(
    """
    있다 없다 하다 되다 것 수 등 및 그 이 저 때 더 또 좀 잘 안 못 왜 뭐 어떤 어떻게 무엇 언제 어디 얼마나 그리고
    그런데 하지만 또는 있는 없는 하는 되는 있어 없어 있나요 없나요 하나요 되나요 인가요 있습니다 없습니다 합니다
    됩니다 해줘 알려줘 해 하면 되면 해야 하고 대한 대해 위한 위해 통해 경우 경우에 제가 저는 나는 내가 우리 이런
    그런 저런 이거 그거 저거 해주세요 알려주세요 싶어요 싶은데 주세요 말고 지금 오늘 해서 해도 된 할 한 하지 마
    안에 위에 후에 전에 모두 다시 바로 함께 매우 아주 너무 많이 조금 이후 이전 각각 해당 관련 있으며 있고 있도록
    하며 하여 되어 따라 따른 대하여 관하여 의하여 모든 여러 다른 같은 이상 이하 가능 가능한 경우에는 때는 때에
    """.split()  # noqa: SIM905
)
"""Function words and endings that stand alone; those of other languages come from their lists of stop words."""
