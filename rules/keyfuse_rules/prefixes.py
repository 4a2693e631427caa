"""Which prefixes a key may carry: the grammar, our own reserved word, other providers' prefixes."""

import re

from keyfuse_rules.errors import RulesError

PREFIX_MAX = 40
RESERVED = "keyfuse"

# A segment of `kf` and a digit would look like the marker, so none is allowed: that makes the
# marker in a key unambiguous, in this version of the format and in later ones.
PREFIX_PATTERN = r"(?!kf[0-9])[a-z][a-z0-9]*(?:_(?!kf[0-9])[a-z0-9]+)*"

_LEGAL = re.compile(PREFIX_PATTERN).fullmatch

# Prefixes by which other providers' secrets are recognised. A key of ours that began like one
# would be reported to them by every scanner in the world, and never to its owner. A test holds
# the list to the literals of the rules; it stands here because issuing a key reads no rule files.
_PROVIDERS = frozenset(
    """
    aio api_org apify_api bb_live bkaa bkaj bkar bkct bkpat bkps bkpt bkua cfat cfk cfut cio
    cog csa dapi dbtc dbtu dckr_oat dckr_pat ddo ddp dk_prod doo_v1 dop_v1 dor_v1 dp_audit
    dp_ct dp_pt dp_scim dp_st duffel_live duffel_test e2b essu eyj figd figo figoh figor
    figu figuh figur fio_u flwpubk flwseck fm1a fm1r fm2 fo1 gho ghp ghr ghs ghu github_pat
    glc glsa gsk hcaik hcamk hcbik hcxik hf hvb hvp hvs jca jina kpat lin_api lin_oauth
    live_pk lsv2_pt lsv2_sk mdb_sa_sk mercury_production mergify_application_key napi nbp
    nfc nfo nfp nfu npg npm ntn nyk nyk_v0 odt op_live ory_apikey ory_pat os_v2_app
    os_v2_org oy2 packagist_ack packagist_acs packagist_ort packagist_out packagist_uut pcsk
    pdl_live_apikey pdl_sdbx_apikey persona_production phc phx pk_live pk_prod pk_test pnb
    pnu polar_oat polar_pat pscale_oauth pscale_pw pscale_tkn ptr pypi r8 ramp_sec rdme
    rk_live rk_test rnd rootly rpa rubygems samsara_api sb_publishable sb_secret sbp sgp
    shippo_live shippo_test shpat shpca shppa shpss shptka shpua sk_ant sk_car sk_live sk_or
    sk_org sk_proj sk_test skey sktsec slk sntrya sntryi sntryr sntrys sntryu spat sq0atp
    sq0csp sq0idp sqa sqp squ tfp tgp_v1 tskey ucat unkey vca vci vck vcp vcr vercel_blob_rw
    waka wandb_v1 whsec xapp xau xnd_development xnd_production xoxb xoxe xoxp xoxr xoxs y0
    zpka
    """.split()  # noqa: SIM905 - two hundred quoted words would hide the list
)


class InvalidPrefix(RulesError):
    """A prefix that no key may carry; the message says why and what is allowed."""


def check_grammar(prefix: str) -> None:
    """Check that `prefix` is what the key format allows, whoever issues the key.

    Raises:
        InvalidPrefix: It breaks the grammar.
    """
    if len(prefix) > PREFIX_MAX or _LEGAL(prefix) is None:
        raise InvalidPrefix(
            f"prefix {prefix[:PREFIX_MAX]!r}: 1 to {PREFIX_MAX} characters, segments of a-z and "
            "0-9 joined by '_', the first beginning with a letter, none with 'kf' and a digit"
        )


def check_prefix(prefix: str, *, management: bool = False) -> None:
    """Check that keys may be issued under `prefix`.

    Args:
        prefix: The prefix somebody chose.
        management: True for keyfuse's own management keys, which alone carry the reserved word.

    Raises:
        InvalidPrefix: Grammar, the reserved word, or another provider's prefix.
    """
    check_grammar(prefix)
    if management:
        if not is_management_prefix(prefix):
            raise InvalidPrefix(f"prefix {prefix!r}: a management key begins with '{RESERVED}_'")
        return
    if RESERVED in prefix.split("_"):
        raise InvalidPrefix(f"prefix {prefix!r}: the segment '{RESERVED}' is reserved")
    provider = colliding_provider_prefix(prefix)
    if provider is not None:
        raise InvalidPrefix(
            f"prefix {prefix!r}: '{provider}_' marks another provider's secrets; "
            "begin with a name of your own, such as 'acme_live'"
        )


def is_management_prefix(prefix: str) -> bool:
    """Tell whether keys with this prefix may hold scopes of the `keyfuse:` namespace."""
    return prefix.startswith(RESERVED + "_")


def colliding_provider_prefix(prefix: str) -> str | None:
    """Return the provider prefix with which `prefix` begins, or None."""
    segments = prefix.split("_")
    leads = ("_".join(segments[:count]) for count in range(1, len(segments) + 1))
    return next((lead for lead in leads if lead in _PROVIDERS), None)
