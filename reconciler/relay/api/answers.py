"""An answer as HTTP: 200 whatever it says, but for who has it already and says so."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from starlette.responses import Response

from reconciler.relay.api.texts import digest_of, text_of
from reconciler.streamlink.signing import CONTENT_TYPE
from reconciler.streamlink.wire import REQUEST_ID_HEADER


def response(fields: Mapping[str, Any], request_id: str, *, known: str | None = None) -> Response:
    """
    Return an answer.

    Args:
        fields: what stands under `Response`, but the id of the request.
        request_id: that id.
        known: `If-None-Match` of the request, "" where it has none; where it is the tag of what would be said, nothing
            is. None where a tag means nothing: of errors, and of calls that change something.

    """
    # Of the very texts, and not of what they are made of: whoever is told that nothing has changed relies on it.
    tag = {} if known is None else {"ETag": f'"{digest_of(fields)}"'}
    if known and known == tag.get("ETag"):
        return Response(status_code=HTTPStatus.NOT_MODIFIED, headers={**tag, REQUEST_ID_HEADER: request_id})
    text = text_of(fields)
    content = f'{{"Response":{text[:-1]}{"," if fields else ""}"RequestId":"{request_id}"}}}}'
    # Set as a header and not as a media type, to which Starlette might add a charset.
    return Response(content.encode(), headers={"Content-Type": CONTENT_TYPE, **tag})
