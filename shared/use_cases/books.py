"""Reading the ledger."""

from collections.abc import Sequence

from shared.domain.ledger import Ledger
from shared.domain.principal import Principal, require_operator
from shared.ports import Ledgers


async def read_ledger(caller: Principal, ledgers: Ledgers) -> Sequence[Ledger]:
    """The books of every hub partition, for an operator."""
    require_operator(caller)
    return await ledgers.all()
