"""Countries by the English names that shops write, where they leave out the code.

Source: ISO 3166-1 (2024), English short names, and the shorter ones in common use.
"""

from __future__ import annotations

import unicodedata

_NAMES = """
AD Andorra; AE United Arab Emirates; AF Afghanistan; AG Antigua and Barbuda; AI Anguilla;
AL Albania; AM Armenia; AO Angola; AQ Antarctica; AR Argentina; AS American Samoa; AT Austria;
AU Australia; AW Aruba; AX Aland Islands; AZ Azerbaijan; BA Bosnia and Herzegovina; BB Barbados;
BD Bangladesh; BE Belgium; BF Burkina Faso; BG Bulgaria; BH Bahrain; BI Burundi; BJ Benin;
BL Saint Barthelemy; BM Bermuda; BN Brunei; BN Brunei Darussalam; BO Bolivia;
BQ Caribbean Netherlands; BQ Bonaire, Sint Eustatius and Saba; BR Brazil; BS Bahamas; BT Bhutan;
BV Bouvet Island; BW Botswana; BY Belarus; BZ Belize; CA Canada; CC Cocos (Keeling) Islands;
CD Congo - Kinshasa; CD Democratic Republic of the Congo; CF Central African Republic;
CG Congo - Brazzaville; CG Congo; CG Republic of the Congo; CH Switzerland; CI Cote d'Ivoire;
CI Ivory Coast; CK Cook Islands; CL Chile; CM Cameroon; CN China; CO Colombia; CR Costa Rica;
CU Cuba; CV Cape Verde; CV Cabo Verde; CW Curacao; CX Christmas Island; CY Cyprus; CZ Czechia;
CZ Czech Republic; DE Germany; DJ Djibouti; DK Denmark; DM Dominica; DO Dominican Republic;
DZ Algeria; EC Ecuador; EE Estonia; EG Egypt; EH Western Sahara; ER Eritrea; ES Spain; ET Ethiopia;
FI Finland; FJ Fiji; FK Falkland Islands; FK Falkland Islands (Malvinas); FM Micronesia;
FO Faroe Islands; FR France; GA Gabon; GB United Kingdom; GB Great Britain; GB England; GB Scotland;
GB Wales; GB Northern Ireland; GB UK; GB United Kingdom of Great Britain and Northern Ireland;
GD Grenada; GE Georgia; GF French Guiana; GG Guernsey; GH Ghana; GI Gibraltar; GL Greenland;
GM Gambia; GN Guinea; GP Guadeloupe; GQ Equatorial Guinea; GR Greece;
GS South Georgia and South Sandwich Islands; GT Guatemala; GU Guam; GW Guinea-Bissau; GY Guyana;
HK Hong Kong; HK Hong Kong SAR; HM Heard and McDonald Islands; HN Honduras; HR Croatia; HT Haiti;
HU Hungary; ID Indonesia; IE Ireland; IL Israel; IM Isle of Man; IN India;
IO British Indian Ocean Territory; IQ Iraq; IR Iran; IS Iceland; IT Italy; JE Jersey; JM Jamaica;
JO Jordan; JP Japan; KE Kenya; KG Kyrgyzstan; KH Cambodia; KI Kiribati; KM Comoros;
KN Saint Kitts and Nevis; KN St. Kitts and Nevis; KP North Korea; KR South Korea; KR Korea;
KR Republic of Korea; KW Kuwait; KY Cayman Islands; KZ Kazakhstan; LA Laos;
LA Lao People's Democratic Republic; LB Lebanon; LC Saint Lucia; LC St. Lucia; LI Liechtenstein;
LK Sri Lanka; LR Liberia; LS Lesotho; LT Lithuania; LU Luxembourg; LV Latvia; LY Libya; MA Morocco;
MC Monaco; MD Moldova; ME Montenegro; MF Saint Martin; MF St. Martin; MG Madagascar;
MH Marshall Islands; MK North Macedonia; MK Macedonia; ML Mali; MM Myanmar; MM Myanmar (Burma);
MN Mongolia; MO Macao; MO Macau; MO Macao SAR; MP Northern Mariana Islands; MQ Martinique;
MR Mauritania; MS Montserrat; MT Malta; MU Mauritius; MV Maldives; MW Malawi; MX Mexico;
MY Malaysia; MZ Mozambique; NA Namibia; NC New Caledonia; NE Niger; NF Norfolk Island; NG Nigeria;
NI Nicaragua; NL Netherlands; NL The Netherlands; NO Norway; NP Nepal; NR Nauru; NU Niue;
NZ New Zealand; OM Oman; PA Panama; PE Peru; PF French Polynesia; PG Papua New Guinea;
PH Philippines; PK Pakistan; PL Poland; PM Saint Pierre and Miquelon; PM St. Pierre and Miquelon;
PN Pitcairn; PN Pitcairn Islands; PR Puerto Rico; PS Palestine; PS Palestinian Territories;
PT Portugal; PW Palau; PY Paraguay; QA Qatar; RE Reunion; RO Romania; RS Serbia; RU Russia;
RU Russian Federation; RW Rwanda; SA Saudi Arabia; SB Solomon Islands; SC Seychelles; SD Sudan;
SE Sweden; SG Singapore; SH Saint Helena; SH St. Helena; SI Slovenia; SJ Svalbard and Jan Mayen;
SK Slovakia; SL Sierra Leone; SM San Marino; SN Senegal; SO Somalia; SR Suriname; SS South Sudan;
ST Sao Tome and Principe; SV El Salvador; SX Sint Maarten; SY Syria; SZ Eswatini; SZ Swaziland;
TC Turks and Caicos Islands; TD Chad; TF French Southern Territories; TG Togo; TH Thailand;
TJ Tajikistan; TK Tokelau; TL Timor-Leste; TM Turkmenistan; TN Tunisia; TO Tonga; TR Turkey;
TR Turkiye; TT Trinidad and Tobago; TV Tuvalu; TW Taiwan; TZ Tanzania; UA Ukraine; UG Uganda;
UM U.S. Outlying Islands; US United States; US United States of America; US USA; UY Uruguay;
UZ Uzbekistan; VA Vatican City; VA Holy See; VC Saint Vincent and the Grenadines;
VC St. Vincent and Grenadines; VE Venezuela; VG British Virgin Islands; VG Virgin Islands, British;
VI U.S. Virgin Islands; VI Virgin Islands, U.S.; VN Vietnam; VN Viet Nam; VU Vanuatu;
WF Wallis and Futuna; WS Samoa; XK Kosovo; YE Yemen; YT Mayotte; ZA South Africa; ZM Zambia;
ZW Zimbabwe
"""


def _plain(name: str) -> str:
    """`name` in small letters without accents, `&` as `and`, typographic signs as plain ones."""
    plain = unicodedata.normalize("NFKD", name.replace("’", "'").replace("&", "and"))
    return "".join(c for c in plain if not unicodedata.combining(c)).casefold().strip()


_CODES = {
    _plain(name): code
    for entry in _NAMES.replace("\n", " ").split(";")
    for code, _, name in [entry.strip().partition(" ")]
}
_KNOWN = frozenset(_CODES.values())


def code(name: str) -> str:
    """ISO 3166-1 alpha-2 of a country's name, or of its code; empty where it is neither."""
    if name in _KNOWN:
        return name
    return _CODES.get(_plain(name), "") if name else ""
