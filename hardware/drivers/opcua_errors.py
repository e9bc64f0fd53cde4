"""What went wrong on an OPC UA link, in words for the person who has to mend it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.ua.status_codes import StatusCodes
from asyncua.ua.uaerrors import UaError, UaStatusCodeError

from hardware.errors import LinkProblem
from hardware.pki import APPLICATION_URI

NO_ANSWER = frozenset(
    {
        StatusCodes.BadTimeout,
        StatusCodes.BadRequestTimeout,
        StatusCodes.BadConnectionClosed,
        StatusCodes.BadNoCommunication,
    }
)
"""After these nobody knows whether a write has taken effect."""


@asynccontextmanager
async def speaking(url: str) -> AsyncIterator[None]:
    """Whatever the library raises becomes a LinkProblem that a person understands."""
    try:
        yield
    except LinkProblem:
        raise
    except UaStatusCodeError as error:
        raise LinkProblem(f"{url}: {_explained(error)}") from error
    except AssertionError as error:
        # The bare AssertionError of the library when the server does not know our certificate.
        raise LinkProblem(
            f"{url} rejected our certificate; trust {APPLICATION_URI} in the server"
        ) from error
    except TimeoutError as error:
        raise LinkProblem(f"{url} does not answer in time") from error
    except (OSError, UaError, ServiceError) as error:
        raise LinkProblem(
            f"{url} cannot be reached: {str(error) or type(error).__name__}"
        ) from error


def _explained(error: UaStatusCodeError) -> str:
    said = {
        StatusCodes.BadCertificateUntrusted: "the certificate is not trusted; trust it on both"
        " sides after comparing the thumbprints",
        StatusCodes.BadCertificateTimeInvalid: "the certificate has expired or is not valid yet",
        StatusCodes.BadUserAccessDenied: "user or password was refused",
        StatusCodes.BadIdentityTokenRejected: "the server does not accept this kind of login",
        StatusCodes.BadTooManySessions: "the server has no free session; it will in a minute",
        StatusCodes.BadSecurityChecksFailed: f"the server rejected our certificate; trust"
        f" {APPLICATION_URI} in the server",
    }
    return said.get(error.code) or ua.StatusCode(ua.UInt32(error.code)).name
