"""Firms of a county that never was, as two editions of its trade directory print them.

The second edition came out seven years after the first: some firms closed and others opened, some moved, took a son or
another partner, and the printer abbreviated more. Families keep to a trade and a town, so that many firms look alike.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

GIVEN = {
    "Alfred": "Alfd.", "Benjamin": "Benj.", "Charles": "Chas.", "Daniel": "Danl.", "Edward": "Edwd.", "Francis": "Fras.",
    "Frederick": "Fredk.", "George": "Geo.", "Henry": "Hy.", "James": "Jas.", "John": "Jno.", "Joseph": "Jph.",
    "Joshua": "Josh.", "Matthew": "Matt.", "Richard": "Richd.", "Robert": "Robt.", "Samuel": "Saml.", "Stephen": "Stepn.",
    "Thomas": "Thos.", "Walter": "Walt.", "William": "Wm.", "Ann": "Ann", "Eliza": "Elz.", "Mary": "My.", "Sarah": "Sar.",
}  # fmt: skip
SURNAMES = (
    "Allott", "Appleby", "Ardron", "Ashworth", "Barber", "Barker", "Bagshaw", "Bagshawe", "Beaumont", "Binns", "Birks",
    "Bramall", "Bramhall", "Brammer", "Brown", "Browne", "Burgin", "Burgoyne", "Carr", "Carter", "Cartwright", "Clark",
    "Clarke", "Clegg", "Cocker", "Cooke", "Cooper", "Cowper", "Crookes", "Dawson", "Denton", "Dixon", "Dickson", "Drabble",
    "Earnshaw", "Ellin", "Ellis", "Elliss", "Fearn", "Fearnley", "Fletcher", "Gosling", "Green", "Greene", "Hague", "Haigh",
    "Hallam", "Hallum", "Harding", "Hardwick", "Harris", "Harrison", "Hawksworth", "Hill", "Hirst", "Hurst", "Holmes",
    "Howson", "Hobson", "Ibbotson", "Jackson", "Jessop", "Johnson", "Johnston", "Kaye", "Kirk", "Kirkby", "Laycock", "Linley",
    "Lister", "Lockwood", "Marples", "Marsden", "Marsh", "Marshall", "Mellor", "Moorhouse", "Morton", "Naylor", "Nixon",
    "Oates", "Osborne", "Parkin", "Parkinson", "Pearce", "Pearson", "Peace", "Platts", "Priestley", "Radcliffe", "Rodgers",
    "Rogers", "Roberts", "Robinson", "Sanderson", "Saunders", "Shaw", "Skelton", "Slack", "Smith", "Smyth", "Staniforth",
    "Stephenson", "Stevenson", "Swift", "Taylor", "Tayler", "Thompson", "Thomson", "Tingle", "Turner", "Turton", "Tyzack",
    "Unwin", "Wade", "Wainwright", "Walker", "Ward", "Warde", "Wheatley", "White", "Whyte", "Wigfall", "Wilkinson", "Wilks",
    "Wilson", "Wostenholm", "Wragg", "Wright", "Yates",
)  # fmt: skip
TRADES = {
    "attorney": "solicitor", "auctioneer": "auctioneer and valuer", "baker": "baker and flour dealer",
    "basket maker": "basket and skep maker", "blacksmith": "smith and farrier", "bookbinder": "bookseller and binder",
    "boot maker": "boot and shoe maker", "brass founder": "brass and bell founder", "brewer": "ale and porter brewer",
    "bricklayer": "bricklayer and builder", "brush maker": "brush manufacturer", "builder": "joiner and builder",
    "butcher": "pork butcher", "cabinet maker": "upholsterer", "carrier": "general carrier", "chemist": "chemist and druggist",
    "clock maker": "watch and clock maker", "coach builder": "coach and gig builder", "coal merchant": "coal agent",
    "confectioner": "pastry cook", "cooper": "wine cooper", "corn miller": "miller and corn factor",
    "currier": "currier and leather cutter", "cutler": "cutlery manufacturer", "draper": "linen and woollen draper",
    "dyer": "silk and cotton dyer", "edge tool maker": "edge tool manufacturer", "engraver": "engraver and printer",
    "file maker": "file manufacturer", "fishmonger": "fish and game dealer", "fruiterer": "fruiterer and greengrocer",
    "grocer": "grocer and tea dealer", "gun maker": "gunsmith", "hair dresser": "hair dresser and perfumer",
    "hatter": "hat manufacturer", "hosier": "hosier and glover", "iron founder": "iron and steel founder",
    "ironmonger": "furnishing ironmonger", "joiner": "carpenter", "maltster": "maltster and hop merchant",
    "milliner": "milliner and dress maker", "nail maker": "nail manufacturer", "nurseryman": "nursery and seedsman",
    "painter": "painter and gilder", "pawnbroker": "pawnbroker and clothier", "plumber": "plumber and glazier",
    "printer": "letterpress printer", "razor maker": "razor manufacturer", "rope maker": "rope and twine maker",
    "saddler": "saddler and harness maker", "saw maker": "saw manufacturer", "shopkeeper": "general dealer",
    "silversmith": "silver plater", "stationer": "bookseller and stationer", "stone mason": "marble and stone mason",
    "surgeon": "surgeon and apothecary", "tailor": "tailor and draper", "tanner": "tanner and fellmonger",
    "timber merchant": "timber and slate merchant", "tinner": "tin plate worker", "tobacconist": "tobacco manufacturer",
    "victualler": "beer retailer", "wheelwright": "wheelwright and carpenter", "wine merchant": "wine and spirit merchant",
}  # fmt: skip
STREETS = (
    "Albion", "Angel", "Bank", "Barker's", "Bridge", "Brook", "Broad", "Button", "Carver", "Castle", "Chapel", "Church",
    "Commercial", "Corn", "Cross", "Duke", "Eyre", "Garden", "George", "Gibraltar", "Green", "Hall", "Hawley",
    "High", "Hollis", "King", "Lambert", "Market", "Mill", "New", "Norfolk", "North", "Orchard", "Paradise", "Park", "Pond",
    "Queen", "Rockingham", "Scotland", "Silver", "South", "Spring", "Tenter", "Trinity", "Union", "Water", "Wellington",
    "West", "Westgate",
)  # fmt: skip
WAYS = {"street": "st.", "lane": "ln.", "row": "row", "yard": "yd.", "place": "pl."}
TOWNS = ("Marlbury", "Stonewick", "Holmecote", "Eastwold", "Kirkhaven", "Denthorpe", "Aldersby", "Wexley Green")
KINDS = ("person", "son", "sons", "brothers", "partner", "company")

RELATED = 0.3  # share of the firms that are of the family of an earlier one

# What happened to a firm, or to its entry, between the editions: probabilities
MISSING = 0.11  # from either edition
MOVED = 0.14
RENUMBERED = 0.06
SUCCEEDED = 0.12
REWORDED = 0.2
ABBREVIATED = (0.15, 0.55)  # of each word that can be, in either edition


@dataclass(frozen=True)
class Firm:
    """What is true of a firm in one year."""

    surname: str
    given: str
    kind: str
    partner: str
    trade: str
    number: int
    street: str
    way: str
    town: str


def draw_editions(num: int, *, seed: int) -> tuple[list[str | None], list[str | None]]:
    """Entries of both editions, firm by firm; None where an edition lacks the firm."""
    rng = np.random.default_rng(seed)
    firms: list[Firm] = []
    for _ in range(num):
        firm = _firm(rng)
        if firms and rng.random() < RELATED:
            relative = firms[rng.integers(len(firms))]
            street = relative.street if rng.random() < 0.4 else firm.street
            firm = replace(firm, surname=relative.surname, trade=relative.trade, town=relative.town, street=street)
        firms.append(firm)
    first: list[str | None] = [_entry(firm, ABBREVIATED[0], rng) for firm in firms]
    second: list[str | None] = [_entry(_later(firm, rng), ABBREVIATED[1], rng) for firm in firms]
    fates = rng.random(num)
    for row, fate in enumerate(fates):
        if fate < MISSING:
            second[row] = None
        elif fate < 2 * MISSING:
            first[row] = None
    return first, second


def _firm(rng: np.random.Generator) -> Firm:
    return Firm(
        surname=_one(SURNAMES, rng),
        given=_one(tuple(GIVEN), rng),
        kind=str(rng.choice(KINDS, p=(0.5, 0.12, 0.08, 0.08, 0.12, 0.1))),
        partner=_one(SURNAMES, rng),
        trade=_one(tuple(TRADES), rng),
        number=int(1 + rng.exponential(35)),
        street=_one(STREETS, rng),
        way=str(rng.choice(tuple(WAYS), p=(0.7, 0.12, 0.06, 0.06, 0.06))),
        town=_one(TOWNS, rng),
    )


def _later(firm: Firm, rng: np.random.Generator) -> Firm:
    """The firm seven years on."""
    fresh = _firm(rng)
    if rng.random() < MOVED:
        firm = replace(firm, number=fresh.number, street=fresh.street, way=fresh.way)
    elif rng.random() < RENUMBERED:
        firm = replace(firm, number=fresh.number)
    if rng.random() < SUCCEEDED:
        if firm.kind == "person":
            firm = replace(firm, kind="son") if rng.random() < 0.5 else replace(firm, given=fresh.given)
        elif firm.kind == "partner":
            firm = replace(firm, partner=fresh.partner)
        else:
            firm = replace(firm, kind="sons" if firm.kind == "son" else "company")
    if rng.random() < REWORDED:
        firm = replace(firm, trade=TRADES[firm.trade])
    return firm


def _entry(firm: Firm, abbreviated: float, rng: np.random.Generator) -> str:
    def either(long: str, short: str) -> str:
        return short if rng.random() < abbreviated else long

    given = either(firm.given, GIVEN[firm.given])
    names = {
        "person": f"{firm.surname} {given}",
        "son": f"{firm.surname} {given} & Son",
        "sons": f"{firm.surname} {given} & Sons",
        "brothers": f"{firm.surname} {either('Brothers', 'Bros.')}",
        "partner": f"{firm.surname} & {firm.partner}",
        "company": f"{firm.surname} {given} {either('& Company', '& Co.')}",
    }
    street = f"{firm.number} {firm.street} {either(firm.way, WAYS[firm.way])}"
    return f"{names[firm.kind]}, {firm.trade}, {street}, {firm.town}"


def _one(words: tuple[str, ...], rng: np.random.Generator) -> str:
    return words[rng.integers(len(words))]
