package login

import (
	"net"
	"net/http"
	"strings"
	"unicode/utf8"

	"iess.gob.ec/clave/storage"
)

// Audit events. A failed attempt is one of eventClaveDenied and EventClaveLocked, whoever
// the identifier belongs to.
const (
	eventSessionRenewed   = "session.renewed"   // signed in again in the same session
	eventSessionConfirmed = "session.confirmed" // proved again, for a change; detail: amr
	eventClaveDenied      = "clave.denied"      // detail: lane
	eventClaveCompromised = "clave.compromised" // found on the list of common claves at sign-in
	eventRequestCancelled = "request.cancelled"
	eventSecondAsked      = "second.asked"  // the clave was right; a second step has to follow
	eventSecondProved     = "second.proved" // inside a session; detail: amr
	eventNoticeGiven      = "notice.given"  // detail: scope
	eventConsentGiven     = "consent.given" // detail: scope

	// EventSessionStarted is a sign-in; detail: acr, device, and passkey, the id of the
	// one it was by.
	EventSessionStarted = "session.started"
	// EventSessionEnded is the end of one session or, as its person asked, of several;
	// detail: reason, and session (its id) or which (all, others).
	EventSessionEnded = "session.ended"
	// EventDeviceShared and EventDeviceOwn are what a person said of the computer she is
	// at: that several people share it, or that it is hers after all. EventDeviceForgotten
	// is a known device that she had forgotten; detail: which (one, all).
	EventDeviceShared    = "device.shared"
	EventDeviceOwn       = "device.own"
	EventDeviceForgotten = "device.forgotten"
	// EventClaveLocked is a failed attempt that was the last; detail: lane.
	EventClaveLocked = "clave.locked"
	// EventClaveUnlocked is a lock lifted; detail: was, by.
	EventClaveUnlocked = "clave.unlocked"
	// EventRecoveryShut is a wrong answer that was the last, and closed only the way to
	// a new clave, for a day; detail: lane.
	EventRecoveryShut = "recovery.shut"
	// EventRecoveryPassed is right answers to all that recovery asks; detail: case,
	// route, lines, assisted. EventRecovered is the clave that came of it, first or
	// not (detail: first, declaracion, case), EventContactAsked another address that
	// was asked for, and EventLinkHeld a link that was not sent; detail: case.
	EventRecoveryPassed = "recovery.passed"
	EventRecovered      = "clave.recovered"
	EventContactAsked   = "contact.asked"
	EventLinkHeld       = "recovery.held"
	// EventUnreachable is a notice for which there is no mailbox, or that no mail
	// could reach; detail: kind.
	EventUnreachable = "notice.unsent"
	// EventOfferDeclined is her wish to be offered no passkey any more, and
	// EventOfferRestored that she takes it back.
	EventOfferDeclined = "offer.declined"
	EventOfferRestored = "offer.restored"
	// EventDisavowed is "No fui yo"; detail: case; since, from when on what was added to
	// prove who she is ended with it, and how many passkeys, totp and codes that were; how
	// many were kept that were about to end; entry, the audit row that it was said of,
	// where it was said in Mi cuenta.
	EventDisavowed = "clave.disavowed"
	// EventClaveRenewed is a forced renewal; detail: cause.
	EventClaveRenewed = "clave.renewed"
)

// Event begins an audit row: by whom, from where.
func (v *Visit) Event(r *http.Request, name, afiliadoID string) storage.Event {
	e := storage.Event{
		At: storage.At(v.Now), Name: name, AfiliadoID: afiliadoID, Actor: "afiliado",
		Personal: map[string]string{"address": addressOf(r.RemoteAddr), "user_agent": userAgent(r)},
	}
	if v.Client != nil {
		e.ClientID = v.Client.ID
	}
	return e
}

func addressOf(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		return ""
	}
	return host
}

// userAgent is what the browser calls itself, fit to be stored.
func userAgent(r *http.Request) string {
	const most = 300
	s := strings.ReplaceAll(strings.ToValidUTF8(r.UserAgent(), ""), "\x00", "")
	if len(s) > most {
		s = s[:most]
		for !utf8.ValidString(s) {
			s = s[:len(s)-1]
		}
	}
	return s
}
