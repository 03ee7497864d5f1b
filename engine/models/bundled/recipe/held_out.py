"""Wordings that belong to the evaluation alone: training never says them, whatever its grammars could make.

They are known here only by their hashes (FNV-1a of the letters, digits and {} in small letters).
"""

import re

HELD_OUT = {int(part, 16) for part in """
    07c68309 0848407f 09dd081d 0a6da1a9 0bb0c653 0ce6661a 0d49487f 12554eb7 14b32bbf 15f64348 162207bb 1875b436 19bcb345 1c4b1271 1f39e5c9 20d438d3
    233d3387 23d90a54 2451522a 24effcb2 2977c0cb 297e5cfe 2a8d8a7f 2a9fa96b 2f277822 2f62c1ce 2fe39095 31fce8f3 32d27c24 3382f0b5 338fed2f 33af65da
    35dbf9d5 39049609 390a792c 3e6435bc 40acfb29 414131f1 41c2e461 420956aa 43c8d92f 4555e1f4 49b0f581 4df28b92 4e5e00c2 4f90afe9 50e8ab8e 52912213
    542f0aa3 58079858 587f8642 58d9d130 5bc4e874 5f0bcda5 61dc5274 648325c1 65273991 6590bb6b 66ece2ac 67cd3dec 6e1eede0 70b68d9a 70d7ab56 738311e1
    7384587c 7573233f 76942cd4 779ae53c 78d684ee 79109081 79f33f9e 8392ce12 84705d44 84c7b62e 87b0d43e 8b120771 8bca3768 8c441cab 8e0bb3b0 8ecd00b7
    920a34a3 93739a30 96904110 96ecc61d 99cd0adc a0dccb05 a2972e74 a3286f63 a37f2db4 a43b109a a4aaf634 a9b4d8e0 aace62b1 adf0f878 ae1d8cf2 b36f314b
    b5ca1468 b5fc94d4 b8432332 b918bc8b b94f9f1c bb91addb bf291462 bf328c9f c1f90d0c c37f5213 c5ff5f73 cd488f93 cec0a188 d1a9bbd1 d463838a d73d3df4
    d77f53bb d911031b d93e0e58 e2559495 e2bea0a8 e74b11e3 ee5586d9 efe3d2bc f047ebb3 f3d22799 f4169518 f6825582 f84fa2a7 f91a5776 fbc64d38 fcd48153
    ffe4a633
""".split()}


def hashed(text: str) -> int:
    plain = re.sub(r" +", " ", re.sub(r"[^a-z0-9{} ]", "", text.replace("{1}", "{}").lower())).strip()
    digest = 0x811C9DC5
    for byte in plain.encode():
        digest = ((digest ^ byte) * 0x01000193) & 0xFFFFFFFF
    return digest


def held_out(text: str) -> bool:
    return hashed(text) in HELD_OUT
