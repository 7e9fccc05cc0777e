"""Every typed error of Matinee, one tree.

    MatineeError                 500
      Misconfigured              -    a setting or the machine is wrong; commands exit 2: SiteNotBuilt
      InvalidInput               422  WeakPassword · MediaRefused · InvalidCursor · IdempotencyKeyReused · ModeMixed ·
                                      ImageRefused · ModelRefused
      DeviceGrantRefused         400  AuthorizationPending · SlowDown · AccessDenied · ExpiredToken (RFC 8628, section 3.5)
      NotAuthenticated           401  TokenInvalid · WrongCredentials · RefreshReused · DeviceRevoked
      Forbidden                  403  OperatorOnly · ProfileRequired · WrongPin · MaturityRefused · PathRefused · AccountDisabled
      NotFound                   404  AccountNotFound · DeviceNotFound · ProfileNotFound · TitleNotFound · PlayableNotFound ·
                                      UploadNotFound · JobNotFound · SessionNotFound · ApplicationNotFound · ObjectNotFound ·
                                      DeviceCodeNotFound · ResetLinkInvalid · BackupNotFound · ModelNotFound
      Conflict                   409  AccountExists · TooManyProfiles · LastProfile · ListFull · StreamLimitReached · NotPlayable ·
                                      VersionConflict · UploadOffsetMismatch · JobNotCancellable · JobNotRetryable · AlreadyRunning ·
                                      OwnAccount · DeviceCodeDecided · TargetNotEmpty · ModelExists · ModelNotPromotable ·
                                      NoPreviousModel
      MethodNotAllowed           405
      PreconditionFailed         412
      PreconditionRequired       428
      TooLarge                   413
      RangeNotSatisfiable        416
      UnsupportedMediaType       415
      TooManyRequests            429  with retry_after_s
      Unavailable                503  Overloaded · StoreUnavailable · Indeterminate · Fenced · ServiceUnavailable · BreakerOpen ·
                                      PortUnavailable · NotRunning · StartFailed · OriginUnavailable · ProgramInterrupted
        DeadlineExceeded         504
      StorageFull                507
      CorruptData                500  BackupDamaged · CopyDiffers

An error carries a sentence for people (`detail`) and fields for programs; both survive pickling, because errors cross processes.
Each answers over HTTP as `application/problem+json` (RFC 9457).
"""

from __future__ import annotations

from typing import Any, ClassVar, Self


class MatineeError(Exception):
    """Base of every error that Matinee raises on purpose."""

    status: ClassVar[int] = 500
    slug: ClassVar[str] = "internal"
    title: ClassVar[str] = "Something went wrong on our side"

    def __init__(self, detail: str = "", **fields: Any) -> None:
        super().__init__(detail or self.title)
        self.detail = detail or self.title
        self.fields = fields

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own reduce calls cls(*args), which would lose the fields.
        return _rebuild, (type(self), self.detail, self.fields)

    @property
    def retry_after_s(self) -> float | None:
        """When trying again makes sense, in seconds; None where it doesn't."""
        value = self.fields.get("retry_after_s")
        return float(value) if value is not None else None

    def problem(self, instance: str = "") -> dict[str, Any]:
        """Return the problem document of RFC 9457."""
        return {
            "type": f"urn:matinee:error:{self.slug}",
            "title": self.title,
            "status": self.status,
            "detail": self.detail,
            "instance": instance,
            **self.fields,
        }

    @classmethod
    def because(cls, cause: BaseException) -> Self:
        """Return this error told in the words of its cause."""
        return cls(f"{cls.title}: {cause}")


def _rebuild(cls: type[MatineeError], detail: str, fields: dict[str, Any]) -> MatineeError:
    return cls(detail, **fields)


class Misconfigured(MatineeError):
    """A setting or the machine cannot work as it stands; commands print it and exit 2."""

    slug, title = "misconfigured", "A setting is wrong"


class SiteNotBuilt(Misconfigured):
    """The web site is not there, and could not be built; the sentence says what is missing."""

    slug, title = "site-not-built", "The site is not built"


# --- 422


class InvalidInput(MatineeError):
    """The request is well-formed HTTP, but its content cannot be accepted; `errors` lists {pointer, detail}."""

    status, slug, title = 422, "invalid-input", "The request does not validate"


class WeakPassword(InvalidInput):
    """The password is too short or too well known."""

    slug, title = "weak-password", "The password is too weak"


class MediaRefused(InvalidInput):
    """The file is no video that can be encoded."""

    slug, title = "media-refused", "The file cannot be played"


class ImageRefused(InvalidInput):
    """The bytes are no picture that can be shown."""

    slug, title = "image-refused", "The picture cannot be shown"


class ModelRefused(InvalidInput):
    """A bundle is no model that can be served; `fault` says what kind of thing is wrong with it."""

    slug, title = "model-refused", "The model cannot be served"


class ModeMixed(InvalidInput):
    """A linear operation on a plain table, or the other way round."""

    slug, title = "mode-mixed", "Linear and plain operations don't mix on one table"


class InvalidCursor(InvalidInput):
    """The cursor was not made by this list."""

    slug, title = "invalid-cursor", "The cursor is not one of ours"


class IdempotencyKeyReused(InvalidInput):
    """The same Idempotency-Key came with another body."""

    slug, title = "idempotency-key-reused", "This Idempotency-Key was used with another request"


# --- 400


class DeviceGrantRefused(MatineeError):
    """A device that was shown a code is not signed in, or not yet (RFC 8628, section 3.5)."""

    status, slug, title = 400, "device-grant-refused", "This device is not signed in"


class AuthorizationPending(DeviceGrantRefused):
    """Nobody has decided yet: ask again after `interval_s`."""

    slug, title = "authorization-pending", "The code was not confirmed yet"


class SlowDown(DeviceGrantRefused):
    """Nobody has decided yet, and the device asks too often: from now on every `interval_s`."""

    slug, title = "slow-down", "This device asks too often"


class AccessDenied(DeviceGrantRefused):
    """Whoever was asked said no, or was signed out since."""

    slug, title = "access-denied", "This device was refused"


class ExpiredToken(DeviceGrantRefused):
    """The device code has expired, was used, or is none of ours: ask for a new one."""

    slug, title = "expired-token", "The code has expired"


# --- 401


class NotAuthenticated(MatineeError):
    """No valid token came with the request."""

    status, slug, title = 401, "not-authenticated", "Sign in first"


class TokenInvalid(NotAuthenticated):
    """The token is expired, altered, or made for something else."""

    slug, title = "token-invalid", "The token is not valid"


class WrongCredentials(NotAuthenticated):
    """E-mail and password don't match an account."""

    slug, title = "wrong-credentials", "E-mail or password is wrong"


class RefreshReused(NotAuthenticated):
    """A refresh token came a second time; its family is revoked (RFC 9700, section 4.14)."""

    slug, title = "refresh-reused", "This sign-in was ended because its refresh token was used twice"


class DeviceRevoked(NotAuthenticated):
    """The device was signed out elsewhere."""

    slug, title = "device-revoked", "This device was signed out"


# --- 403


class Forbidden(MatineeError):
    """The caller is known and may not do this."""

    status, slug, title = 403, "forbidden", "Not allowed"


class OperatorOnly(Forbidden):
    """Only operators may do this."""

    slug, title = "operator-only", "Only an operator may do this"


class ProfileRequired(Forbidden):
    """The token carries no profile."""

    slug, title = "profile-required", "Choose a profile first"


class WrongPin(Forbidden):
    """The profile's PIN (or the account's password) is missing or wrong."""

    slug, title = "wrong-pin", "The PIN is wrong"


class MaturityRefused(Forbidden):
    """The title is above what the profile may see."""

    slug, title = "maturity", "This profile may not watch this title"


class AccountDisabled(Forbidden):
    """An operator has disabled the account: nobody signs in to it."""

    slug, title = "account-disabled", "This account is disabled"


class PathRefused(Forbidden):
    """The signed path is altered, expired or signed by a key that isn't live."""

    slug, title = "path-refused", "This link is not valid"


# --- 404


class NotFound(MatineeError):
    """There is no such thing, or it is another account's."""

    status, slug, title = 404, "not-found", "Not found"


class AccountNotFound(NotFound):
    """No such account."""

    slug, title = "account-not-found", "No such account"


class DeviceNotFound(NotFound):
    """No such device in this account."""

    slug, title = "device-not-found", "No such device"


class DeviceCodeNotFound(NotFound):
    """No device waits under this code, or not any more."""

    slug, title = "device-code-not-found", "No device waits under this code"


class ResetLinkInvalid(NotFound):
    """The link was used, has expired, was replaced by a newer one, or is none of ours."""

    slug, title = "reset-link-invalid", "This link is no longer valid"


class BackupNotFound(NotFound):
    """The folder is not there, or holds no backup that was finished."""

    slug, title = "backup-not-found", "There is no such backup"


class ModelNotFound(NotFound):
    """No model has this id, or not any more."""

    slug, title = "model-not-found", "No such model"


class ProfileNotFound(NotFound):
    """No such profile in this account."""

    slug, title = "profile-not-found", "No such profile"


class TitleNotFound(NotFound):
    """No such title, or none that this profile may see."""

    slug, title = "title-not-found", "No such title"


class PlayableNotFound(NotFound):
    """No film, episode or trailer has this id."""

    slug, title = "playable-not-found", "No such film, episode or trailer"


class UploadNotFound(NotFound):
    """No such upload, or it was ended and collected."""

    slug, title = "upload-not-found", "No such upload"


class JobNotFound(NotFound):
    """No such encode job."""

    slug, title = "job-not-found", "No such job"


class SessionNotFound(NotFound):
    """No such live playback session in this account."""

    slug, title = "session-not-found", "No such playback session"


class ApplicationNotFound(NotFound):
    """No application of this name is deployed."""

    slug, title = "application-not-found", "No such application"


class ObjectNotFound(NotFound):
    """The object store has no such object."""

    slug, title = "object-not-found", "No such object"


# --- 409, 412, 413, 415, 429


class Conflict(MatineeError):
    """The request does not fit the present state."""

    status, slug, title = 409, "conflict", "This does not fit the present state"


class AccountExists(Conflict):
    """The e-mail has an account."""

    slug, title = "account-exists", "There is an account with this e-mail"


class OwnAccount(Conflict):
    """An operator does to their own account what would shut them out."""

    slug, title = "own-account", "This cannot be done to one's own account"


class DeviceCodeDecided(Conflict):
    """The code was approved or denied before, by the same account."""

    slug, title = "device-code-decided", "This code was decided before"


class TooManyProfiles(Conflict):
    """The account has as many profiles as it may."""

    slug, title = "too-many-profiles", "The account has as many profiles as it may"


class LastProfile(Conflict):
    """An account keeps at least one profile."""

    slug, title = "last-profile", "The last profile cannot be deleted"


class ListFull(Conflict):
    """A list of a profile has as many entries as it may."""

    slug, title = "list-full", "The list is full"


class StreamLimitReached(Conflict):
    """The plan's simultaneous streams are used up; carries `limit` and the live `streams`."""

    slug, title = "stream-limit", "Too many devices are watching"


class NotPlayable(Conflict):
    """The playable has no finished version yet."""

    slug, title = "not-playable", "This cannot be played yet"


class VersionConflict(Conflict):
    """A conditional write met another version; `failed` lists the sort keys whose condition did not hold. Nothing was written."""

    slug, title = "version-conflict", "It was changed meanwhile"


class UploadOffsetMismatch(Conflict):
    """The upload continues from another offset (tus 1.0)."""

    slug, title = "upload-offset-mismatch", "The upload continues from another offset"


class JobNotCancellable(Conflict):
    """The job has ended."""

    slug, title = "job-not-cancellable", "The job has ended already"


class JobNotRetryable(Conflict):
    """Only a failed or cancelled job can be tried again."""

    slug, title = "job-not-retryable", "Only a failed or cancelled job can be tried again"


class AlreadyRunning(Conflict):
    """This data directory has a running instance."""

    slug, title = "already-running", "Matinee runs already"


class TargetNotEmpty(Conflict):
    """An installation is copied or restored only to where there is none."""

    slug, title = "target-not-empty", "The target holds another installation already"


class ModelExists(Conflict):
    """Another model has this id."""

    slug, title = "model-exists", "There is a model with this id"


class ModelNotPromotable(Conflict):
    """The gate refused the model, or let it through beside another live one than today's."""

    slug, title = "model-not-promotable", "This model was not let through"


class NoPreviousModel(Conflict):
    """Nothing was live before, so there is nothing to go back to."""

    slug, title = "no-previous-model", "There is no model to go back to"


class PreconditionFailed(MatineeError):
    """If-Match names another version than the stored one."""

    status, slug, title = 412, "precondition-failed", "It was changed meanwhile: load it again"


class PreconditionRequired(MatineeError):
    """A change came without If-Match, which says what version it was made from (RFC 6585)."""

    status, slug, title = 428, "precondition-required", "Say by If-Match which version this change is made from"


class MethodNotAllowed(MatineeError):
    """The address takes other methods only."""

    status, slug, title = 405, "method-not-allowed", "This address does not take this method"


class TooLarge(MatineeError):
    """More bytes than accepted."""

    status, slug, title = 413, "too-large", "Too large"


class UnsupportedMediaType(MatineeError):
    """The body has another Content-Type than the route reads."""

    status, slug, title = 415, "unsupported-media-type", "This Content-Type is not accepted here"


class RangeNotSatisfiable(MatineeError):
    """The range begins past the end of the file."""

    status, slug, title = 416, "range-not-satisfiable", "The range is outside the file"


class TooManyRequests(MatineeError):
    """Too many tries; `retry_after_s` says when the next one is answered."""

    status, slug, title = 429, "too-many-requests", "Too many tries"


# --- 503, 504, 507, 500


class Unavailable(MatineeError):
    """Cannot be answered now; trying again later makes sense."""

    status, slug, title = 503, "unavailable", "Not available at the moment"

    @property
    def retry_after_s(self) -> float | None:
        """Always set: a second unless the error says otherwise."""
        return super().retry_after_s or 1.0


class Overloaded(Unavailable):
    """A queue or a limit is full."""

    slug, title = "overloaded", "Too busy at the moment"


class StoreUnavailable(Unavailable):
    """The store or the log does not answer; nothing was written."""

    slug, title = "store-unavailable", "The store is not available"


class Indeterminate(Unavailable):
    """A write timed out and may or may not have happened; read it back by its operation's id."""

    slug, title = "indeterminate", "It is not known whether this was saved"


class Fenced(Unavailable):
    """Another owner has taken this partition over; ask that one."""

    slug, title = "fenced", "Another owner has taken over"


class ServiceUnavailable(Unavailable):
    """Another service does not answer."""

    slug, title = "service-unavailable", "A service is not available"


class OriginUnavailable(Unavailable):
    """The object store behind an edge does not answer, or answers wrongly."""

    slug, title = "origin-unavailable", "The origin is not available"


class BreakerOpen(ServiceUnavailable):
    """Calls to a failing service are held back for a moment."""

    slug, title = "breaker-open", "A service is recovering"


class PortUnavailable(Unavailable):
    """A port is in use, or may not be listened on."""

    slug, title = "port-unavailable", "A port cannot be listened on"


class NotRunning(Unavailable):
    """No instance runs with this data directory."""

    slug, title = "not-running", "Matinee is not running"


class StartFailed(Unavailable):
    """The instance did not come up, or Ray died under it."""

    slug, title = "start-failed", "Matinee could not start"


class ProgramInterrupted(Unavailable):
    """A media program was killed, took too long, or the machine lacked what it needs: the film may be sound."""

    slug, title = "program-interrupted", "A media program was interrupted"


class DeadlineExceeded(Unavailable):
    """The time for this call ran out."""

    status, slug, title = 504, "deadline-exceeded", "It took too long"


class StorageFull(MatineeError):
    """The disk (or the quota) is full; nothing of the request was kept."""

    status, slug, title = 507, "storage-full", "There is no space left"


class CorruptData(MatineeError):
    """Stored data cannot be read."""

    slug, title = "corrupt-data", "Stored data is damaged"


class BackupDamaged(CorruptData):
    """A file of a backup is missing, or is not what was written."""

    slug, title = "backup-damaged", "The backup is damaged"


class CopyDiffers(CorruptData):
    """What was read back is not what was read."""

    slug, title = "copy-differs", "The copy differs from its source"
