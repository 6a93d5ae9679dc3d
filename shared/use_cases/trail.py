"""Putting on record who saw or changed whose data."""

from collections import OrderedDict
from uuid import NAMESPACE_URL, uuid5

from shared.domain.audit import Access
from shared.domain.principal import Kind, Principal
from shared.ports import Audit

ONE_RECORD = 60_000
"""Milliseconds within which the same caller doing the same is put on record once."""
HELD = 10_000
"""Records that an instance knows to be written."""
LONGEST = 128
"""Characters of whose data it is, as the caller named it."""


class Trail:
    """Remembers what it wrote lately, so that who polls is not put on record at each request."""

    def __init__(self, audit: Audit) -> None:
        self._audit = audit
        self._written: OrderedDict[str, None] = OrderedDict()

    async def record(self, caller: Principal, what: str, whose: str) -> None:
        """Of operators and partners; before it is done. Raises Unavailable, and then it isn't."""
        if caller.kind not in (Kind.OPERATOR, Kind.PARTNER):
            return
        about = f"{caller.brand}/{caller.subject}/{what}/{whose}/{caller.at // ONE_RECORD}"
        id = str(uuid5(NAMESPACE_URL, about))
        if id in self._written:
            return
        await self._audit.record(Access(id, caller.brand, caller.at, caller.subject, what, whose[:LONGEST]))
        self._written[id] = None
        if len(self._written) > HELD:
            self._written.popitem(last=False)
