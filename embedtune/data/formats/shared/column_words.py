"""What the name of a column says about it, in English and Korean: that it judges, that it scores, or neither."""

import re

from embedtune.data.formats.shared.missing import words

JUDGING = words(
    "label labels gold score scores similarity sim similar relevance relevant rel relatedness related "
    "duplicate duplicates dup paraphrase match matched matches matching correct grade grades rating "
    "judgment judgement judged verdict entailment target same equivalent "
    "라벨 레이블 점수 유사도 유사 관련도 관련성 관련 연관도 정답 정답여부 평점 등급 판정 평가 "
    "중복 중복여부 일치 일치여부 일치율 일치도 유사율 유사여부 관련여부 적합도 적합성 적합여부 타겟"
)
SCORES = words(
    "score scores similarity sim similar relevance relevant rel relatedness related "
    "점수 유사도 유사 일치율 일치도 유사율 관련도 관련성 관련 연관도 적합도 적합성"
)
LABELS = words("label labels gold target class 라벨 레이블 타겟")
APART = words(
    "id ids docid docno qid pid did cid sid idx index key guid uid uuid no num number row line split splits fold folds "
    "set subset part partition date time datetime timestamp year month day hour minute created updated modified "
    "page pages chunk position offset start end span length len size count counts n tokens words "
    "chars lang language locale country region source domain category topic genre type kind author "
    "user url title version batch seed cluster group turn level difficulty age price views train test "
    "dev valid validation sentiment weight unnamed "
    "번호 순번 날짜 일자 일시 연도 년도 분류 출처 카테고리 "
    "페이지 쪽 길이 언어 작성일 등록일 조회수 부서 단계 난이도 구분 종류 유형 주제"
)
_TOKEN = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|[가-힣]+")


def name_words(column: str) -> set[str]:
    """The words of a column's name, in small letters.

    >>> sorted(name_words("goldLabel_id"))
    ['gold', 'id', 'label']
    """
    return {token.casefold() for token in _TOKEN.findall(column)}


def stands_apart(column: str) -> bool:
    """Whether a column has the name of an id, a date, a split or a category, or none.

    >>> stands_apart("doc_id"), stands_apart(""), stands_apart("ok")
    (True, True, False)
    """
    return bool(name_words(column) & APART) or not re.search(r"\w", column)
