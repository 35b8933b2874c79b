"""How much damage planted in real data `embedtune check` finds, line by line, and what it reports on undamaged data.

    python benchmarks/check.py --data PATH/welfare-ko --data PATH/scifact
    python benchmarks/check.py --rows 1000000

Copies of a set's training pairs get every kind of damage at once, each kind in its own rows, at several rates and
seeds; the test queries stay those of the set. A planted row counts as found when a finding of its kind names its line.
`--rows` checks that many synthetic pairs instead, and prints the time and the peak memory.
"""

import argparse
import json
import random
import re
import resource
import tempfile
import time
import unicodedata
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from embedtune.config.recipe.load import load
from embedtune.config.verbs.check import CheckConfig
from embedtune.data import checks
from embedtune.data.rows import RetrievalSet
from embedtune.data.sources.beir import read_beir
from embedtune.data.splits import leakage
from embedtune.findings import Finding
from embedtune.workflows.check.run import check

RATES, SEEDS = (0.005, 0.02), (0, 1, 2)
CONTROLS = "\x07\x1b\x08\x85"
Record = dict[str, Any]
# Words to insert into a text, or to replace one with.
FILLERS = {"en": ("generally", "reported", "overall"), "ko": ("현재", "정확히", "혹시")}
TURNS = {
    "en": (
        (r"\bis\b", "is not"), (r"\bare\b", "are not"), (r"\bcan\b", "cannot"), (r"\bhas\b", "has no"),
        (r"\bincreases?\b", "decreases"), (r"\breduces?\b", "increases"), (r"\binhibits?\b", "promotes"),
        (r"\bhigher\b", "lower"), (r"\bpromotes?\b", "does not promote"), (r"\binduces?\b", "does not induce"),
    ),
    "ko": (("수 있", "수 없"), ("되나요", "되지 않나요"), ("하나요", "하지 않나요"), ("받나요", "못 받나요")),
}  # fmt: skip


@dataclass
class Copy:
    """A damaged copy under construction.

    Args:
        records: the training pairs; None is a line that is not JSON.
        test: the set's test queries that do not leak into training yet.
        language: "en" or "ko".
        planted: kind -> the numbers of the records that got it.
    """

    records: list[Record | None]
    test: list[str]
    language: str
    seed: int
    planted: dict[str, list[int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.draw = random.Random(self.seed)
        self.free = list(range(len(self.records)))
        self.draw.shuffle(self.free)
        self.draw.shuffle(self.test)
        self.sound = [dict(record) for record in self.records if record]

    def damage(self, kind: str, change: Callable[[Record], Record | None], share: float) -> None:
        """Change undamaged rows until enough could be changed."""
        wanted, done = max(3, round(share * len(self.sound))), self.planted.setdefault(kind, [])
        for number in list(self.free):
            if len(done) == wanted:
                return
            before = self.records[number] or {}
            after = change(dict(before))
            if after != before:
                self.records[number] = after
                self.free.remove(number)
                done.append(number)

    def add(self, kind: str, make: Callable[[Record], Record | None], share: float) -> None:
        """Add rows made from undamaged ones, which stay as they are."""
        done = self.planted.setdefault(kind, [])
        wanted = max(3, round(share * len(self.sound)))
        for number in list(self.free):
            if len(done) == wanted:
                return
            made = make(dict(self.records[number] or {}))
            if made is not None:
                done.append(len(self.records))
                self.records.append(made)
                self.free.remove(number)

    def write(self, path: Path) -> None:
        """One object per line."""
        with path.open("w", encoding="utf-8") as stream:
            for record in self.records:
                stream.write("{broken\n" if record is None else json.dumps(record, ensure_ascii=False) + "\n")


def plant(copy: Copy, share: float) -> None:
    """Plant every kind of damage to pairs."""
    draw, turn = copy.draw, TURNS[copy.language]
    sides = ("anchor", "positive")

    def text(change: Callable[[str], str]) -> Callable[[Record], Record]:
        def changed(record: Record) -> Record:
            side = draw.choice(sides)
            return {**record, side: change(record[side])}

        return changed

    def edited(words: str) -> str:
        parts = words.split()
        place = draw.randrange(1, len(parts))
        how = draw.choice(("insert", "replace", "swap", "drop"))
        if how == "insert":
            parts.insert(place, draw.choice(FILLERS[copy.language]))
        elif how == "replace":
            parts[place] = draw.choice(FILLERS[copy.language])
        elif how == "swap":
            parts[place - 1], parts[place] = parts[place], parts[place - 1]
        else:
            parts.pop(place)
        return " ".join(parts)

    def turned(words: str) -> str | None:
        for pattern, into in draw.sample(turn, len(turn)):
            if re.search(pattern, words):
                return re.sub(pattern, into, words, count=1)
        return None

    def other_case(words: str) -> str:
        return f" {words.swapcase() if copy.language == 'en' else words.replace(' ', '  ')}!"

    def negated(record: Record) -> Record | None:
        other = turned(record["anchor"])
        return None if other is None else {**record, "anchor": other}

    used = set(copy.test)

    def leak(change: Callable[[str], str | None], known: bool = False) -> Callable[[Record], Record | None]:
        def made(record: Record) -> Record | None:
            while copy.test:
                words = copy.test.pop()
                other = change(words) if len(words.split()) >= 6 else None
                # Negated, some test queries equal another one.
                if other is not None and (known or other not in used):
                    used.add(other)
                    return {**record, "anchor": other}
            return None

        return made

    long = lambda record: {**record, "anchor": edited(record["anchor"])} if len(record["anchor"].split()) >= 6 else None  # noqa: E731
    copy.damage("empty text", text(lambda words: ""), share)
    copy.damage("blank text", text(lambda words: " \t "), share)
    copy.damage("missing column", lambda record: {"anchor": record["anchor"]}, share)
    copy.damage("number for a text", lambda record: {**record, "positive": 42}, share)
    copy.damage("broken line", lambda record: None, share)
    copy.add("row repeated", lambda record: record, share)
    copy.add(
        "row repeated, other case, signs, blanks",
        lambda record: {**record, "anchor": other_case(record["anchor"])},
        share,
    )
    copy.add("anchor repeated, one word changed", long, share)
    copy.add("anchor repeated, turned round", negated, share)
    copy.damage(
        "roles swapped", lambda record: {**record, "anchor": record["positive"], "positive": record["anchor"]}, share
    )
    copy.damage("anchor is its positive", lambda record: {**record, "positive": record["anchor"]}, share)
    copy.damage("own positive as negative", lambda record: {**record, "negatives": [record["positive"]]}, share)
    copy.add(
        "positive of the anchor as negative",
        lambda record: {**record, "positive": f"{record['positive']} 1", "negatives": [record["positive"]]},
        share,
    )
    copy.damage("UTF-8 read as Latin-1", text(lambda words: foreign(words).encode().decode("latin-1")), share)
    copy.damage(
        "UTF-8 read as Windows-1252", text(lambda words: foreign(words).encode().decode("cp1252", "replace")), share
    )
    if copy.language == "ko":
        copy.damage("UTF-8 read as CP949", text(lambda words: words.encode().decode("cp949", "replace")), share)
        copy.damage(
            "CP949 read as Latin-1", text(lambda words: words.encode("cp949", "replace").decode("latin-1")), share
        )
    copy.damage("characters lost", text(lambda words: f"{words[:5]}\ufffd{words[6:]}"), share)
    copy.damage("control characters", text(lambda words: f"{words[:4]}{draw.choice(CONTROLS)}{words[4:]}"), share)
    copy.damage(
        "Hangul in single jamo, letters apart from accents",
        text(lambda words: unicodedata.normalize("NFD", foreign(words))),
        share,
    )
    copy.damage("characters of no width", text(lambda words: f"{words[:4]}\u200b{words[4:]}"), share)
    copy.damage("very long text", text(lambda words: f"{words} " * (20_001 // len(words) + 1)), share)
    copy.damage("no letter in it", text(lambda words: "".join(draw.choices("?!.-_*()/", k=8))), share)
    copy.damage(
        "HTML left in",
        text(lambda words: draw.choice((f"<p>{words}</p>", words.replace(" ", "&nbsp;", 1) + "&nbsp;"))),
        share,
    )
    copy.add("test query in training", leak(lambda words: words, known=True), share)
    copy.add("near copy of a test query", leak(edited), share)
    copy.add("test query turned round", leak(turned), share)


def foreign(words: str) -> str:
    """The text with some characters outside ASCII, as any text may have."""
    return words if re.search("[가-힣]", words) else f"{words[:-1]} (naïve “café”)"


KINDS: dict[str, tuple[str, ...]] = {
    "empty text": ("empty-texts",),
    "blank text": ("empty-texts",),
    "missing column": ("unreadable-rows",),
    "number for a text": ("unreadable-rows",),
    "broken line": ("unreadable-rows",),
    "row repeated": ("duplicate-rows",),
    "row repeated, other case, signs, blanks": ("near-duplicate-rows",),
    "anchor repeated, one word changed": ("near-copies", "near-duplicate-rows", "negated-copies"),
    # Negated, some claims equal another claim of the set.
    "anchor repeated, turned round": ("negated-copies", "near-copies", "duplicate-rows"),
    "roles swapped": ("rows-look-swapped",),
    "anchor is its positive": ("anchor-equals-positive",),
    "own positive as negative": ("negative-equals-own",),
    "positive of the anchor as negative": ("positive-also-negative",),
    "UTF-8 read as Latin-1": ("garbled-texts",),
    "UTF-8 read as Windows-1252": ("garbled-texts",),
    "UTF-8 read as CP949": ("garbled-texts",),
    "CP949 read as Latin-1": ("garbled-texts",),
    "characters lost": ("replacement-characters",),
    "control characters": ("control-characters",),
    "Hangul in single jamo, letters apart from accents": ("unnormalised-texts",),
    "characters of no width": ("invisible-characters",),
    "very long text": ("very-long-texts",),
    "no letter in it": ("near-empty-texts",),
    "HTML left in": ("markup-in-texts",),
    "test query in training": ("test-queries-seen-in-training",),
    "near copy of a test query": ("test-queries-near-copies", "test-queries-negated"),
    "test query turned round": ("test-queries-negated", "test-queries-near-copies"),
    "class with one member": ("single-text-classes",),
    "text in two classes": ("label-conflict",),
    "class spelt in two ways": ("labels-spelt-alike",),
    "score outside of its scale": ("scores-out-of-range",),
    "all columns swapped": ("roles-look-swapped",),
    "one answer for many questions": ("few-in-batch-negatives",),
}


def measure(folder: Path, work: Path) -> tuple[Counter[str], Counter[str]]:
    """Planted and found, by kind, over all rates and seeds."""
    beir = read_beir(folder, ["train", "test"])
    rows = beir.rows("train")
    language = "ko" if re.search("[가-힣]", rows.anchors[0]) else "en"
    sound = list(
        {f"{a}\n{p}": {"anchor": a, "positive": p} for a, p in zip(rows.anchors, rows.positives, strict=True)}.values()
    )
    known = leakage.overlap(rows, beir.judged("test"))
    leaking = {example.rpartition(" ~ ")[2] for one in known for example in one.examples}
    test = clear_queries(beir.judged("test"), leaking)
    planted: Counter[str] = Counter()
    found: Counter[str] = Counter()
    for share in RATES:
        for seed in SEEDS:
            copy = Copy([dict(record) for record in sound], list(test), language, seed)
            plant(copy, share)
            copy.write(work / "pairs.jsonl")
            findings = run(work / "pairs.jsonl", folder)
            count(copy, findings, planted, found)
            others(sound, share, seed, work, planted, found)
    return planted, found


def clear_queries(test: RetrievalSet, leaking: set[str]) -> list[str]:
    """Test queries that do not leak into the training split as it is."""
    return [text for text in test.queries.values() if checks.shown(text) not in leaking]


def run(data: Path, eval_data: Path | None = None) -> list[Finding]:
    """What the check reports on a file."""
    options = {"data": str(data), "split": "train"} | ({"eval_data": str(eval_data)} if eval_data else {})
    return list(check(load(CheckConfig, options=options)).findings)


def count(copy: Copy, findings: list[Finding], planted: Counter[str], found: Counter[str]) -> None:
    """Compare the lines that were planted with those that findings name."""
    for kind, numbers in copy.planted.items():
        named = [example for one in findings if one.code in KINDS[kind] for example in one.examples]
        lines = {int(line) for example in named for line in re.findall(r"pairs\.jsonl:(\d+)", example)}
        planted[kind] += len(numbers)
        if kind == "test query in training":  # its examples are the queries
            texts = Counter(named)
            found[kind] += sum(texts[checks.shown((copy.records[number] or {})["anchor"])] > 0 for number in numbers)
        else:
            found[kind] += sum(number + 1 in lines for number in numbers)


def others(
    sound: list[Record], share: float, seed: int, work: Path, planted: Counter[str], found: Counter[str]
) -> None:
    """Damage to labelled texts and scored pairs, and to a set as a whole."""
    draw = random.Random(seed)
    texts = [{"text": record["anchor"], "label": f"class {number % 20}"} for number, record in enumerate(sound)]
    copy = Copy(list(texts), [], "en", seed)
    copy.damage("class with one member", lambda record: {**record, "label": f"alone {draw.random()}"}, share)
    copy.add(
        "text in two classes", lambda record: {**record, "label": f"class {(int(record['label'][6:]) + 1) % 20}"}, share
    )
    spelt = iter(range(20))
    copy.damage(
        "class spelt in two ways",
        lambda record: {**record, "label": f"CLASS  {next(spelt, 0)}"},
        min(share, 10 / len(sound)),
    )
    copy.write(work / "pairs.jsonl")
    count(copy, run(work / "pairs.jsonl"), planted, found)
    scored = [
        {"sentence1": record["anchor"], "sentence2": record["positive"], "score": round(draw.uniform(0, 5), 1)}
        for record in sound
    ]
    copy = Copy(list(scored), [], "en", seed)
    copy.damage(
        "score outside of its scale", lambda record: {**record, "score": draw.choice((-1, 7.5, 50, 500))}, share
    )
    copy.write(work / "pairs.jsonl")
    count(copy, run(work / "pairs.jsonl"), planted, found)
    swapped = [{"anchor": record["positive"], "positive": record["anchor"]} for record in sound]
    same = [dict(record) for record in sound]
    for number in draw.sample(range(len(sound)), len(sound) // 3):
        same[number]["positive"] = sound[0]["positive"]
    for kind, records in (("all columns swapped", swapped), ("one answer for many questions", same)):
        Copy(list(records), [], "en", seed).write(work / "pairs.jsonl")
        planted[kind] += 1
        found[kind] += any(one.code in KINDS[kind] for one in run(work / "pairs.jsonl"))


def untouched(folder: Path) -> None:
    """Print what is said of the set as it is, above notes."""
    result = check(load(CheckConfig, options={"data": str(folder)}))
    grave = [f"{one.severity} {one.code} ({one.count:,})" for one in result.findings if one.severity != "note"]
    notes = [f"{one.code} ({one.count:,})" for one in result.findings if one.severity == "note"]
    print(f"\n{folder.name} as it is, {result.elapsed_s:.1f} s: {', '.join(grave) or 'nothing above a note'}")
    print(f"  notes: {', '.join(notes)}")


def many(rows: int) -> None:
    """Check this many synthetic pairs, half of them Korean, and print time and memory."""
    draw = random.Random(0)
    words = [f"word{number}" for number in range(50_000)]
    syllables = [chr(code) for code in range(0xAC00, 0xD7A4) if len(chr(code).encode("euc_kr")) == 2]
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "pairs.jsonl"
        with path.open("w", encoding="utf-8") as stream:
            for number in range(rows):
                if number % 2:
                    texts = [" ".join("".join(draw.choices(syllables, k=3)) for _ in range(size)) for size in (8, 25)]
                else:
                    texts = [" ".join(draw.choices(words, k=size)) for size in (10, 40)]
                stream.write(json.dumps({"anchor": f"{texts[0]}?", "positive": texts[1]}, ensure_ascii=False) + "\n")
        before, started = peak(), time.perf_counter()
        result = check(load(CheckConfig, options={"data": str(path)}))
        print(
            f"{result.rows:,} pairs, {path.stat().st_size / 2**20:,.0f} MiB: {time.perf_counter() - started:.0f} s, "
            f"peak {peak() / 2**20:,.0f} MiB ({before / 2**20:,.0f} MiB before); verdict: {result.verdict}"
        )


def peak() -> int:
    """The largest resident size of this process so far, in bytes (Linux)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", action="append", type=Path, default=[], help="a BEIR folder; repeatable")
    parser.add_argument("--rows", type=int, help="check this many synthetic pairs instead")
    args = parser.parse_args()
    if args.rows:
        many(args.rows)
    for folder in args.data:
        untouched(folder)
    checks.SHOWN = leakage.SHOWN = 10**9  # every example, so that lines can be compared
    for folder in args.data:
        with tempfile.TemporaryDirectory() as work:
            planted, found = measure(folder, Path(work))
        print(
            f"\n{folder.name}: found of planted, at {' and '.join(f'{rate:.1%}' for rate in RATES)} of the rows each\n"
        )
        for kind, number in planted.items():
            print(f"| {kind} | {found[kind]:,} of {number:,} | {found[kind] / number:.1%} |")
        whole = [kind for kind in planted if found[kind] >= 0.95 * planted[kind]]
        print(f"| {len(whole)} of {len(planted)} kinds at 95% or more | {found.total():,} of {planted.total():,} | "
              f"{found.total() / planted.total():.1%} |")  # fmt: skip


if __name__ == "__main__":
    main()
