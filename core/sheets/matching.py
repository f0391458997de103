"""Which column of a file is what, by the names that people give their columns.

Where two columns have an equal claim nobody guesses: the person is asked.
"""

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

# What each field of a message is called in files, in the languages that we met, by letters and
# digits alone. The first of each is our own name for it and wins over the others. `clock` is a time
# of day beside the day in `when`.
NAMES: dict[str, str] = {
    "recipient": """recipient phone phonenumber phoneno mobile mobilephone mobilenumber mobileno
        cell cellphone tel telephone telephonenumber whatsapp whatsappnumber wa wanumber msisdn
        number to contactnumber telefon telefonnummer handy handynummer mobil mobilnummer rufnummer
        empfänger nomor nomortelepon nomorhp nohp notelp notelepon nowa nomorwa nomorwhatsapp hp
        telepon teléfono número númerodeteléfono celular móvil telefone númerodetelefone telemóvel
        fone portable téléphone numérodetéléphone gsm telefoon telefoonnummer cellulare telefono
        ceptelefonu numertelefonu телефон номер номертелефона 電話番号 手机 手机号 电话 هاتف""",
    "content": """content text message messagetext body sms msg nachricht nachrichtentext inhalt
        pesan isipesan teks mensaje texto mensagem messaggio testo bericht tekst wiadomość mesaj
        metin сообщение текст 消息 内容 رسالة""",
    "when": """scheduledat when sendat senddate scheduled schedule datetime due duedate dueat date
        timestamp appointment appointmentdate appointmentat reminderat reminderdate termin datum
        termindatum zeitpunkt versandzeit jadwal tanggal tanggalkirim waktukirim fecha fechahora
        fechayhora cita fechadeenvío data datahora dataora date dateheure datedenvoi rendezvous
        tarih wizyta дата датавремя 日期 予約日時 تاريخ""",
    "clock": """time sendtime appointmenttime remindertime hour timeofday zeit uhrzeit terminzeit
        waktu jam hora horário ora heure saat godzina tijd время 时间""",
    "zone": """zone timezone tz zeitzone zonawaktu zonahoraria fusohorário fuseauhoraire
        fusoorario tijdzone часовойпояс 时区""",
    "reference": """reference ref referenceid externalid id uid key orderid ordernumber
        appointmentid bookingid bookingnumber caseid referenz referenznummer auftragsnummer vorgang
        referensi nopesanan referencia referência référence riferimento kenmerk""",
    "not_after": """notafter expires expiresat expiry expirydate validuntil until deadline
        gültigbis bataswaktu vence vencimiento validoaté valablejusquau""",
    "priority": "priority prio priorität prioritas prioridad prioridade priorité",
    "label": """label branch branchname costcentre costcenter department location site office
        clinic filiale kostenstelle abteilung standort cabang lokasi sucursal centrodecosto
        departamento filial centredecoûts agence succursale филиал""",
    "max_retries": "maxretries retries",
    "late_policy": "latepolicy iflate",
    "template": "template templatename vorlage plantilla modelo modèle",
    "language": "language lang locale languagecode sprache bahasa idioma lingua langue taal язык",
    "account": "account accountname sendingaccount",
    "parameters": "parameters",  # all in one cell, as our own export has them
}


def _plain(heading: str) -> str:
    """Letters and digits only, small, without accents: «Número de Teléfono» is numerodetelefono."""
    apart = unicodedata.normalize("NFKD", heading.casefold().replace("ß", "ss"))
    return "".join(character for character in apart if character.isalnum())


_FIELD = {_plain(name): what for what, names in NAMES.items() for name in names.split()}
_POSITION = re.compile(r"(?:param|parameter|variable|var|value|platzhalter)?(\d{1,2})")


@dataclass(frozen=True)
class Matched:
    """What is what: `columns` field → heading, `parameters` key → heading.

    `open`: fields for which several headings have an equal claim, which a person decides.
    """

    columns: Mapping[str, str]
    parameters: Mapping[str, str]
    open: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


def match(headings: Sequence[str], *, asks: Iterable[str] = ()) -> Matched:
    """Match by name; `asks` are the keys of a template's parameters.

    A column may fill a parameter and be a field as well: the date of an appointment often is both.
    """
    parameters = _parameters(headings, list(asks))
    claims: dict[str, list[str]] = {}
    for heading in headings:
        if what := _FIELD.get(_plain(heading)):
            claims.setdefault(what, []).append(heading)
    columns, left = dict[str, str](), dict[str, tuple[str, ...]]()
    for what, claimed in claims.items():
        own = [one for one in claimed if _plain(one) == NAMES[what].split()[0]]
        best = own or claimed
        if len(best) == 1:
            columns[what] = best[0]
        else:
            left[what] = tuple(best)
    if "clock" in columns and "when" not in columns | left:
        columns["when"] = columns.pop("clock")  # a column «time» often holds the day as well
    return Matched(columns, parameters, left)


def _parameters(headings: Sequence[str], asks: Sequence[str]) -> dict[str, str]:
    """Those that are named `param.KEY`, then those that are called like what a template asks."""
    found = {
        heading[6:].strip(): heading
        for heading in headings
        if heading.casefold().startswith("param.") and heading[6:].strip()
    }
    for key in asks:
        alike = [heading for heading in headings if _is_for(heading, key)]
        if key not in found and len(alike) == 1:
            found[key] = alike[0]
    return found


def _is_for(heading: str, key: str) -> bool:
    plain = _plain(heading)
    position = _POSITION.fullmatch(plain)
    return plain == _plain(key) or bool(position and position[1] == key)
