"""Texts in more than twenty scripts, for tests of everything that reads text."""

from __future__ import annotations

import regex
from hypothesis import strategies as st

#: a sentence or two in each script
SAMPLES = {
    "latin": "The court’s “decision” wasn't naïve; the résumé cost 5.50 €. Is it so?",
    "vietnamese": "Tòa án đã xét xử vụ án và tuyên bố bản án. Bị đơn phải bồi thường.",
    "yoruba": "Ẹjọ́ náà ti parí ní ilé-ẹjọ́ gíga. Ọ̀gbẹ́ni Adé sọ pé ó dára.",
    "hausa": "Ƙungiyar ta ce 'yan ƙasa ba su yarda ba. Ɗan'uwa ya zo.",
    "cyrillic": "Суд рассмотрел дело и вынес решение. Ответчик обязан возместить ущерб.",
    "greek": "Το δικαστήριο εξέτασε την υπόθεση. Ο εναγόμενος οφείλει αποζημίωση;",
    "arabic": "نظرت المحكمة في القضيّة وأصدرت حكمها. هل المدعى عليه ملزم؟ نعم، بِالكِتابِ.",
    "persian": "دادگاه پرونده را بررسی کرد. می‌خواهم کتاب‌ها را ببینم؟",
    "hebrew": "בית המשפט דן בתיק. עו״ד כהן שָׁלוֹם.",
    "devanagari": "अदालत का फैसला हिन्दी में दस्तावेज़ है। क्या यह सही है?",
    "bengali": "আদালত মামলাটি শুনেছে এবং রায় দিয়েছে। এটা কি ঠিক?",
    "tamil": "நீதிமன்றம் வழக்கை விசாரித்து தீர்ப்பு வழங்கியது. இது சரியா?",
    "telugu": "న్యాయస్థానం కేసును విచారించి తీర్పు ఇచ్చింది. ఇది సరైనదేనా?",
    "sinhala": "අධිකරණය නඩුව විභාග කර තීන්දුව දුන්නේය. ශ්‍රී ලංකා.",
    "thai": "ศาลพิจารณาคดีและมีคำพิพากษา จำเลยต้องชดใช้ค่าเสียหาย ๑๒๓",
    "lao": "ສານພິຈາລະນາຄະດີ ແລະ ຕັດສິນ",
    "khmer": "តុលាការបានជំនុំជម្រះក្តី។ នេះជាឯកសារសំខាន់",
    "myanmar": "တရားရုံးက အမှုကို စစ်ဆေးပြီး စီရင်ချက်ချသည်။ မှန်ပါသလား။",
    "tibetan": "བོད་ཀྱི་སྐད་ཡིག་ནི་གལ་ཆེན་པོ་ཡིན།",
    "ethiopic": "ፍርድ ቤቱ ጉዳዩን አይቶ ውሳኔ ሰጠ።ይህ ትክክል ነው፧ አዎ፡፡ በቃ",
    "han": "法院审理了此案并作出判决。被告应当赔偿原告的全部损失！“好。”他说。",
    "kana": "裁判所は判決を言い渡した。コンピューターはﾃﾞｰﾀを読む。",
    "hangul": "법원은 판결을 선고하였다. 한국어 문장입니다. \u1112\u1161\u11ab",
    "georgian": "სასამართლომ განიხილა საქმე და გამოიტანა გადაწყვეტილება.",
    "armenian": "Դատարանը քննեց գործը և կայացրեց վճիռ։ Ճի՞շտ է։",
    "emoji": "👩🏽‍⚕️❤️🇳🇬🇰🇪 1️⃣ good👍🏿day 🏴󠁧󠁢󠁥󠁮󠁧󠁿 👨‍👩‍👧‍👦☺©™ ♥",
    "math": "x² ≥ ½·Ⅷ … ℝ 𝔘𝔫𝔦 ﬁne ①",
    "nko": "ߒ ߓߘߊ߫ ߒߞߏ ߞߊ߬ߙߊ߲߬߸ ߏ߬ ߞߊ߬ ߢߌ߲߬.",
    "adlam": "𞤀𞤣𞤤𞤢𞤥 𞤆𞤵𞤤𞤢𞤪",
}
samples = st.sampled_from(sorted(SAMPLES.values()))
#: texts glued together from pieces of every script, and from characters of all kinds
mixed = st.lists(
    st.one_of(
        st.tuples(samples, st.integers(0, 60), st.integers(0, 40)).map(lambda t: t[0][t[1] : t[1] + t[2]]),
        st.sampled_from(
            [
                " ",
                "\n",
                "\n\n",
                ". ",
                "'",
                "’",
                "-",
                "\u00ad",
                "\u200d",
                "\u200c",
                "\u0301",
                "\ufe0f",
                "\u3000",
                "\u0e33",
            ]
        ),
        st.text(max_size=5),
    ),
    max_size=12,
).map("".join)


def graphemes(text: str) -> list[str]:
    return [match[0] for match in regex.finditer(r"\X", text)]


def boundaries(text: str) -> set[int]:
    """Where the graphemes of a text begin, and its end."""
    return {match.start() for match in regex.finditer(r"\X", text)} | {len(text)}


def has_base(grapheme: str) -> bool:
    """Whether a grapheme is more than marks that were put on a space, a sign or nothing, or before one."""
    return regex.match(r"\p{GCB=Prepend}*[\p{L}\p{N}--\p{GCB=Prepend}]", grapheme, regex.VERSION1) is not None
