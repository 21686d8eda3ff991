"""Documents that are hard to quote: scripts, tables, code, typography, and what cannot be seen.

Written for the tests. They are stored as they stand here, without what a loader would normalise.
"""

from __future__ import annotations

HARBOUR = """\
The harbour of Vellmar was dredged in 1887 by the engineer Oskar Lindqvist. It had silted up for 40 years.
Lindqvist did not ask the council for money. He sold 1,200 shares to the fishermen of the town.
No ship of more than 300 tons could enter before the dredging. After it, ships of 2,500 tons were common.
The lighthouse on Gull Rock was built later, in 1903, and was never lit during the war.
The council's minutes call Lindqvist “a stubborn man” and say that ‘nobody thanked him’ for his work.
Storms closed the port on 14 February 1909; three pilots — Berg, Holm and Aas — were lost.
"""

RESEARCH = """\
We measured the salinity of 17 fjords between May and August. The mean was 31.4 g/kg (SD 0.8).
Temperatures below -1.5 °C were not observed at any station. At station K-9 the sensor failed twice.
The effect was significant (p < 0.01) for surface water, but it wasn't for samples from 200 m.
Contrary to Moen et al., we found no evidence of a non-linear trend; see Table 3 and Fig. 2b.
Samples were stored at 4 °C… and analysed within 48 hours by Dr. Ida Moen's group in Tromsø.
"""

POLICY = """\
Employees may carry over up to 5 days of leave into the next year, unless the manager objects in writing.
Remote work is allowed on Tuesdays and Thursdays. It is not allowed during the first three months.
Expenses above 250 euros need two signatures: one of the head of department and one of Ms. Okafor.
Contractors are not entitled to a company phone. Interns are entitled to one only after six months.
Questions go to people@halden.example; the form is at https://intranet.halden.example/forms/leave?v=2.
"""

GERMAN = """\
Die Mühle am Weiherbach wurde 1742 von Anton Krüger errichtet. Sie mahlte bis 1931 Korn für fünf Dörfer.
Der Müller durfte sonntags nicht arbeiten; „wer es dennoch tut, zahlt zwei Taler“, heißt es in der Ordnung.
Am 3. Mai 1921 brannte das Dach ab. Niemand wurde verletzt, doch das Mahlwerk war nicht mehr zu retten.
Heute beherbergt das Gebäude ein Museum mit über 1.400 Exponaten und einem Café.
"""

FRENCH = """\
L’orgue de l’église Saint-Aubin compte 2\u202f300 tuyaux\u00a0; il n’a jamais été démonté depuis 1764.
Le facteur Étienne Carol disait\u00a0: «\u00a0Un orgue ne s’achète pas, il se mérite.\u00a0»
Il mourut sans héritier.
Les travaux de 1998 ont coûté 1,6\u00a0million d’euros, dont la moitié n’a pas été remboursée.
"""

RUSSIAN = """\
Мост через реку Волхов построили в 1958 году по проекту инженера Павла Орлова.
Его длина составляет 412 метров. До войны на этом месте моста не было, работала только переправа.
Ремонт начали в апреле 2004 года и не закончили к зиме, как обещал подрядчик.
"""

CHINESE = """\
青石镇的茶园建于1936年，创办人是林月华。茶园占地约120亩，每年春天采茶两次。
林月华没有接受政府的补贴。她说：“好茶不怕晚。”一九五二年，茶园改为合作社。
现在的合作社有八十名社员，主要生产绿茶，不生产红茶。
"""

ARABIC = """\
بُني سوق النحاسين عام 1650 على يد التاجر يوسف الحلبي، ولم يُهدم في أي وقت.
يضم السوق 64 دكاناً، ولا يُسمح بدخول السيارات إليه بعد الساعة التاسعة صباحاً.
"""

PERSIAN = """\
کتابخانهٔ شهر در سال ۱۳۱۲ ساخته شد و بیش از ۴۰ هزار کتاب دارد. مردم می‌توانند کتاب‌ها را به خانه ببرند.
"""

JAPANESE = """\
桜橋は1911年に架けられ、設計者は田中修でした。橋の長さは86メートルです。
夜間は自動車の通行ができません。住民は「静かな橋」と呼んでいます。
"""

TABLE = """\
Station\tOpened\tPlatforms\tPassengers
Northgate\t1898\t4\t12,400
Old Mill\t1911\t2\t1,050
Harbour Road\t1967\t6\t30,900
Line 3 was not extended to Harbour Road until 1971.\tSource: city archive
Region: North | Quarter: Q3 | Sales: 4,310 | Returns: 12
Region: South | Quarter: Q3 | Sales: 3,905 | Returns: 44
"""

CODE = """\
The function `retry_after` reads the header and never sleeps longer than 30 seconds.
def retry_after(response, *, limit=30.0):
    value = response.headers.get("Retry-After", "1")
    if not value.isdigit():
        return limit  # a date: we do not parse it
    return min(float(value), limit)
Set `QB_TIMEOUT=15` and don't set `QB_RETRIES` above 3; a value of 0 disables it.
"""

CRLF = (
    "The north wing\r\nwas closed in 2016 because of\r\nasbestos.   It has   not been reopened.\r\n"
    "\r\nThe south\u00a0wing\thouses 212 patients\u00a0and the   pharmacy of Mr.\u00a0Adeyemi.\x0c"
    "Visitors are admitted from 10 to 12 and from 3 to 6, except on Mondays.\r\n"
)

UNSEEN = (
    "The trans\u00adatlantic cable was laid in 1866 by the Great East\u00adern, "
    "not by the Aga\u00admem\u00adnon.\n"
    "Its core weighed\u200b 300 pounds per nau\u00adtical mile; "
    "\u2060Cyrus Field paid for it him\u00adself.\n"
    "\ufeffMessages cost 10 dollars a word at first. Few people used it. "
    "e\u0301tat and naïve are words 👩\u200d🔬 too.\n"
)

NOTES = """\
- Ask Priya whether the contract with Nordlys ends in June or in July.
- The invoice of 18,750 kroner was paid twice; don't pay it again!
1. Order the pump (model VX-220). 2. Call Tomás. 3. Nothing else is urgent.
"The best time to plant a tree was 20 years ago," she said. 'The second best is now.'
Rock 'n' roll, the '90s, O’Brien's pub and 5'11" are hard to quote.
"""

TEXTS = {
    "harbour.txt": HARBOUR, "fjords.txt": RESEARCH, "policy.txt": POLICY, "muehle.txt": GERMAN,
    "orgue.txt": FRENCH, "most.txt": RUSSIAN, "tea.txt": CHINESE, "souk.txt": ARABIC, "library.txt": PERSIAN,
    "bridge.txt": JAPANESE, "stations.tsv": TABLE, "retry.py.txt": CODE, "wings.txt": CRLF,
    "cable.txt": UNSEEN, "notes.txt": NOTES,
}  # fmt: skip

# Each finds several of them at once.
QUESTIONS = (
    "Who dredged the harbour of Vellmar and when was the lighthouse built?",
    "How many fjords were measured, and what was paid for the invoice?",
    "How many days of leave may employees carry over, and who signs expenses?",
    "Wann brannte das Dach der Mühle am Weiherbach?",
    "Combien de tuyaux compte l’orgue de Saint-Aubin ?",
    "Кто построил мост через Волхов, and when was the cable laid?",
    "林月华的茶园建于哪一年？桜橋の長さ？",
    "متى بُني سوق النحاسين؟ کتابخانهٔ شهر",
    "When was the station Northgate opened, and what are the sales of the region?",
    "How long does retry_after sleep at most, and what disables QB_RETRIES?",
    "Which wing was closed because of asbestos, and when are visitors admitted?",
    "Who paid for the transatlantic cable, and what did a word cost?",
)
