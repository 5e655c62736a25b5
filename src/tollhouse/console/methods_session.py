"""session.*: calls and data sessions that an API client charges itself."""

from __future__ import annotations

from tollhouse.console import views
from tollhouse.console.desk import CLIENT, Desk, ParameterError, instant, percent, usage
from tollhouse.console.params import (
    Answer,
    Asking,
    Key,
    MaybeKey,
    MaybeName,
    MaybeWallet,
    Note,
    Number,
    Page,
    Params,
    Percent,
    Time,
    Used,
    WalletName,
)
from tollhouse.values.commands import (
    Authorize,
    Caller,
    Command,
    DisconnectSession,
    Inspect,
    Release,
    RequestType,
    Service,
    Start,
    Stop,
    Total,
    Update,
)


class SessionAuthorize(Asking, frozen=True, kw_only=True):
    """May this session go ahead, and for how long? Holds money. `session_id` is the client's own name for it.

    `request_type`: how it is paid for; null: as the account says.
    """

    wallet: WalletName
    destination: Number
    request_id: Key
    usage: Used | None = None
    caller: Number = ""
    session_id: MaybeKey = ""
    answer_time: Time = ""
    tenant: MaybeName = ""
    tor: Service = Service.VOICE
    routes: bool = False
    discount: Percent = ""
    request_type: RequestType | None = None

    def service(self, desk: Desk) -> Service:
        return self.tor

    def command(self, desk: Desk) -> Command:
        return Authorize(
            caller=Caller(client=CLIENT, wallet=self.wallet, tenant=self.tenant),
            key=self.request_id,
            session_keys=(f"api:{self.session_id or self.request_id}",),
            service=self.tor,
            called=self.destination,
            calling=self.caller,
            ask=None if self.usage is None else usage("usage", self.usage, self.tor),
            at=instant("answer_time", self.answer_time),
            routes=self.routes,
            deadline=desk.deadline(),
            discount=percent("discount", self.discount),
            request_type=self.request_type,
        )


class OnSession(Asking, frozen=True, kw_only=True):
    """A request about a session: `session` is its id, or the `session_id` that the client gave it."""

    session: Key
    request_id: Key
    tor: Service | None = None

    def service(self, desk: Desk) -> Service:
        """The known session's own service; another `tor` beside it is refused (seconds are no octets)."""
        known = desk.reading.session(self.session)
        if known and self.tor not in (None, known.service):
            raise ParameterError(f"tor: this session is {known.service.value}")
        return known.service if known else self.tor or Service.VOICE

    def keys(self) -> tuple[str, ...]:
        """The names by which the session may be found, best first."""
        return (f"class:{self.session}", f"api:{self.session}")


class SessionStart(OnSession, frozen=True, kw_only=True):
    """The session was answered. One that is not known is opened when `wallet` and `destination` say whose it is."""

    wallet: MaybeWallet = ""
    destination: Number = ""
    caller: Number = ""
    answer_time: Time = ""
    request_type: RequestType | None = None

    def command(self, desk: Desk) -> Command:
        return Start(
            caller=Caller(client=CLIENT, wallet=self.wallet),
            key=self.request_id,
            session_keys=self.keys(),
            service=self.service(desk),
            called=self.destination,
            calling=self.caller,
            at=instant("answer_time", self.answer_time),
            deadline=desk.deadline(),
            request_type=self.request_type,
        )


class SessionUpdate(OnSession, frozen=True, kw_only=True):
    """Usage of the whole session so far, and a wish for more: null = only a report, 0 = as the policy says."""

    usage: Used
    more: Used | None = 0

    def command(self, desk: Desk) -> Command:
        service = self.service(desk)
        return Update(
            caller=Caller(client=CLIENT),
            key=self.request_id,
            session_keys=self.keys(),
            usage=Total(usage("usage", self.usage, service)),
            more=None if self.more is None else usage("more", self.more, service),
            service=service,
            deadline=desk.deadline(),
        )


class SessionStop(OnSession, frozen=True, kw_only=True):
    """The session has ended with this usage in all; what was held beyond it goes back."""

    usage: Used
    cause: Note = ""

    def command(self, desk: Desk) -> Command:
        service = self.service(desk)
        return Stop(
            caller=Caller(client=CLIENT),
            key=self.request_id,
            session_keys=self.keys(),
            usage=Total(usage("usage", self.usage, service)),
            cause=self.cause,
            service=service,
            deadline=desk.deadline(),
        )


class SessionRelease(OnSession, frozen=True, kw_only=True):
    """The session never began: all that was held goes back."""

    def command(self, desk: Desk) -> Command:
        return Release(
            caller=Caller(client=CLIENT), key=self.request_id, session_keys=self.keys(), deadline=desk.deadline()
        )


class SessionDisconnect(Asking, frozen=True, kw_only=True):
    """End a session of whatever client: it is charged as `on_silence` says, and granted no more."""

    session: Key
    request_id: Key

    def service(self, desk: Desk) -> Service:
        known = desk.reading.session(self.session)
        return known.service if known else Service.VOICE

    def command(self, desk: Desk) -> Command:
        known = desk.reading.session(self.session)
        session = known.session if known else self.session
        return DisconnectSession(CLIENT, session, self.request_id, desk.deadline())


class SessionGet(Asking, frozen=True, kw_only=True):
    """A session as it stands."""

    session: Key

    def command(self, desk: Desk) -> Command:
        known = desk.reading.session(self.session)
        return Inspect(client=CLIENT, session=known.session if known else self.session, deadline=desk.deadline())


class SessionList(Params, frozen=True, kw_only=True):
    """Sessions by id, a page at a time."""

    after: MaybeKey = ""
    limit: Page = 100

    def run(self, desk: Desk, answer: Answer) -> None:
        seen = desk.reading.sessions(self.after, self.limit)
        following = seen[-1].session if len(seen) == self.limit else None
        answer({"sessions": [views.session(view) for view in seen], "next": following})
