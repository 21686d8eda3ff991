"""What files of a format are made of, and what is put into them to make them wrong."""

from __future__ import annotations

from enum import Enum

# Nobody may ever come to it: whoever does was led there by a file.
CANARY = ("127.0.0.1", 47_803)
_URL = f"http://{CANARY[0]}:{CANARY[1]}/".encode("ascii")
CHARACTERS = tuple(
    character.encode("utf-8", "surrogatepass")
    for character in ("\0", "\ud800", "\udc00\ud800", "\u202e", "\ufeff", "\x0c", "\x1b", "\x85", "\u2028",
                      "\U0010ffff", "\ufffe", "e\u0301" * 50, "\u0644\u0627", "|", "\r", "\t", "\ufb01" * 9)
)  # fmt: skip


class Nature(Enum):
    """What files of a format are made of, by which they are taken apart."""

    BYTES = "bytes"
    LINES = "lines"
    MAIL = "mail"
    MARKUP = "markup"
    PDF = "pdf"
    RICH_TEXT = "rich text"
    TABLE = "table"
    ZIP = "zip"


INSERTED = {
    Nature.LINES: (
        b"# ",
        b"> " * 500,
        b"```\n",
        b"| a | b |\n|---|---|\n",
        b"---\n",
        b"- " * 300,
        b"[" * 5_000,
    ),
    Nature.MAIL: (
        b'Content-Type: multipart/mixed; boundary="b"\n\n--b\n',
        b"--b--\n",
        b"--b\n",
        b"\n",
        b"Subject: ",
        b"Content-Type: message/rfc822\n\n",
        b"Content-Transfer-Encoding: base64\n",
        b"=?utf-8?b?/////w==?=",
        b"Content-Transfer-Encoding: quoted-printable\n",
        b'Content-Type: text/plain; charset="utf-7"\n',
        b"Content-Type: text/html\n\n<p>",
        b"begin 644 a.txt\n#0V%T\n`\nend\n",
        b"=?x?q?" * 200 + b"?=",
        b'Content-Disposition: attachment; filename="../../etc/passwd"\n',
        b" \n folded\n",
        b"=\n=ZZ",
        b"Content-Type: text/plain; name*0*=utf-8''%ff; name*1=x; charset*=''\n",
        b"<" * 3_000,
        b"Date: Thu, 99 Foo -1 99:99:99 +9999\n",
        b'Content-Type: multipart/mixed; boundary=""\n',
    ),
    Nature.MARKUP: (
        b'<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b SYSTEM "file:///etc/passwd">]>',
        b"&a;&b;",
        b"&#0;",
        b"&#xD800;",
        b"&#x10FFFF;",
        b"<![CDATA[",
        b"]]>",
        b"<!--",
        b"-->",
        b'<?xml version="1.0" encoding="utf-7"?>',
        b'<img src="' + _URL + b'"/>',
        b'<link rel="stylesheet" href="' + _URL + b'"/>',
        b"<table><tr><td>",
        b'<xi:include xmlns:xi="http://www.w3.org/2001/XInclude" href="' + _URL + b'"/>',
        b"</p></p></td>",
        b'<td colspan="65535" rowspan="65535">x</td>',
        b"<svg><text>x</text></svg>",
        b"<math><mtext>",
        b"</",
        b'<meta charset="utf-16">',
        b"<plaintext>",
        b"<template>",
        b"<select><option>",
        b"<script>",
        b"<",
    ),
    Nature.PDF: (
        b"/Length 999999999",
        b"/Filter [/FlateDecode /FlateDecode /ASCII85Decode]",
        b"1 0 R",
        b"2 0 R",
        b"3 0 R",
        b"/Count 999999999",
        b"/Kids [2 0 R 2 0 R]",
        b"/Rotate 45",
        b"/UserUnit 1e30",
        b"/MediaBox [0 0 1e9 1e9]",
        b"/Encrypt << /Filter /Standard /V 1 >>",
        b"BT /F1 1e9 Tf 1e9 0 0 1e9 0 0 Tm (x) Tj ET",
        b"q " * 3_000,
        b"0 0 0 0 0 0 cm",
        b"/URI (" + _URL + b")",
        b"BT (a) ' (b) \" ET",
        b"/ToUnicode 4 0 R",
        b"Do",
        b"[" * 2_000,
    ),
    Nature.RICH_TEXT: (
        b"\\bin1000000000 ",
        b"\\u-1 ?",
        b"\\uc99999 ",
        b"\\u55357 ?\\u56832 ?",
        b"\\'",
        b"\\'zz",
        b"\\'81",
        b"{\\*\\x ",
        b"\\trowd\\cellx1\\cellx-5 ",
        b"\\cell ",
        b"\\row ",
        b"\\pard\\intbl ",
        b"{\\footnote ",
        b"{\\stylesheet ",
        b"}",
        b'{\\field{\\*\\fldinst HYPERLINK "' + _URL + b'"}{\\fldrslt x}}',
        b"\\ansicpg99999 ",
        b"{\\fonttbl",
        b"{",
        b"{\\pict\\bin9 ",
        b"\\itap9999 ",
        b"\\v ",
        b"\\ls1\\ilvl99 ",
    ),
    Nature.TABLE: (
        b'"',
        b'""',
        b",",
        b";" * 5_000,
        b"\n" * 5_000,
        b"\t",
        b'"\n',
        b"\0",
        b"sep=,\n",
        b'\\"',
        b"\r",
    ),
}
