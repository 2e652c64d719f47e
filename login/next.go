package login

import (
	"slices"
	"strings"
	"time"

	"iess.gob.ec/clave/storage"
)

// Step is where a running request goes next.
type Step int

// The steps. The zero value refuses.
const (
	StepRefuse  Step = iota // there is no request
	StepOther               // it belongs to another browser
	StepExpired             // it is too old
	StepDone                // it has been answered already
	StepLogin               // the person proves who she is
	StepSecond              // she adds a second step to what she has proved
	StepRenew               // she renews her clave
	StepNotice              // she is told what the application receives
	StepConsent             // she allows it, or not
	StepOffer               // she is offered a passkey
	StepFinish              // the application gets its code

	// The application gets an error (OAuthError).
	StepLoginRequired
	StepInteractionRequired
	StepConsentRequired
	StepUnmet
)

// Interactive reports whether the step needs the person.
func (s Step) Interactive() bool { return StepLogin <= s && s <= StepOffer }

// OAuthError is the error code and the description with which the request ends at
// that step; both are empty for a step that is no error (OpenID Core 3.1.2.6,
// OpenID Connect Core Error Code unmet_authentication_requirements).
func (s Step) OAuthError() (string, string) {
	switch s {
	case StepLoginRequired:
		return "login_required", "the person has to sign in"
	case StepInteractionRequired:
		return "interaction_required", "the person has to be shown a page"
	case StepConsentRequired:
		return "consent_required", "the person has to allow it"
	case StepUnmet:
		return "unmet_authentication_requirements", "no sign-in of this person has the requested acr"
	default:
		return "", ""
	}
}

// Progress is how far a request has come: all that Next looks at.
type Progress struct {
	Now         time.Time
	Request     *storage.AuthRequest
	SameBrowser bool             // the browser is the one that asked
	FirstParty  bool             // the application is of the IESS
	Session     *storage.Session // the live one of this browser, or nil
	Sub         string           // by which the application knows the session's person (DB.Subject)
	Clave       *storage.Clave   // of the session's person, nil where she has none
	Factors     storage.Factors  // what she has beside it
	Consent     *storage.Consent // what she allowed this application, or nil
	Renewal     Renewal
	Window      time.Duration // for which a due renewal waits at the application
	Reach       string        // the strongest acr that any sign-in here can have
}

// Next is the dispatcher: it alone decides where a request goes. Each answer it
// asks of a person is asked once in a request, so that the way always ends; with
// prompt=none it never asks anything (OpenID Core 3.1.2.1).
func Next(p Progress) Step {
	if s := standing(p.Request, p.SameBrowser, p.Now); s != StepFinish {
		return s
	}
	ask := p.Request.Params
	if ask.ACREssential && !satisfiesAny(p.Reach, ask.ACRValues) {
		return StepUnmet // nobody should type a clave for nothing
	}
	for _, rule := range []func(Progress) turn{signIn, addStep, stepUp, renew, unmet, allow, offer} {
		switch t := rule(p); {
		case t.step == StepFinish:
		case t.step.Interactive() && slices.Contains(ask.Prompt, "none"):
			return t.silent
		default:
			return t.step
		}
	}
	return StepFinish
}

// turn is what one rule wants: a step, StepFinish for nothing, and the error that
// stands for it where the person may not be asked.
type turn struct{ step, silent Step }

// standing is what can be said of a request before anything is known of the
// person: StepFinish means that it may go on.
func standing(req *storage.AuthRequest, sameBrowser bool, now time.Time) Step {
	switch {
	case req == nil:
		return StepRefuse
	case !sameBrowser:
		return StepOther
	case !req.CompletedAt.IsZero():
		return StepDone
	case req.ExpiresAt.IsZero() || req.ExpiresAt.Past(now):
		return StepExpired
	default:
		return StepFinish
	}
}

// proved reports whether the session's person proved who she is inside the
// request: what asks for a fresh proof is then answered, once and for all.
func (p Progress) proved() bool {
	return p.Session != nil && !p.Request.ProvedAt.IsZero() && p.Request.SessionID == p.Session.ID
}

// signIn asks for a sign-in: no session, prompt=login or select_account,
// max_age, another person than the hint names.
func signIn(p Progress) turn {
	ask := p.Request.Params
	switch {
	case p.Session == nil:
		return turn{StepLogin, StepLoginRequired}
	case p.proved():
		if ask.HintedSub != "" && ask.HintedSub != p.Sub {
			return turn{step: StepLoginRequired} // she proved to be somebody else: asking again would not end
		}
		return turn{step: StepFinish}
	case slices.Contains(ask.Prompt, "login"), slices.Contains(ask.Prompt, "select_account"),
		ask.HintedSub != "" && ask.HintedSub != p.Sub,
		ask.MaxAge != nil && !p.Session.AuthAt.Add(time.Duration(min(*ask.MaxAge, maxAgeCap))*time.Second).After(p.Now):
		return turn{StepLogin, StepLoginRequired}
	default:
		return turn{step: StepFinish}
	}
}

// maxAgeCap keeps max_age, in seconds, from overflowing a time.Duration. No
// session lives that long.
const maxAgeCap = 100 * 365 * 24 * 60 * 60

// addStep asks for a second step where the session's person has one, and wants it
// after each clave or the request does.
func addStep(p Progress) turn {
	if secondDue(p.Factors, p.Session.ACR, p.Request) {
		return turn{StepSecond, StepInteractionRequired}
	}
	return turn{step: StepFinish}
}

// secondDue reports whether a proof of class acr is not enough for a person with
// these factors, and a second step is: she wishes it after each clave, or the running
// request, nil for none, wants a class that a code gives. Whoever has nothing for a
// second step is not asked for it.
func secondDue(f storage.Factors, acr string, req *storage.AuthRequest) bool {
	codes := f.TOTP || f.Codes > 0
	if Satisfies(acr, ACR2FA) || !codes && f.Passkeys == 0 {
		return false
	}
	if f.SecondStep {
		return true
	}
	if req == nil || !codes {
		return false
	}
	wanted := req.Params.ACRValues
	return len(wanted) > 0 && !satisfiesAny(acr, wanted) && satisfiesAny(ACR2FA, wanted)
}

// stepUp asks for a sign-in where it would give an acr that the session lacks.
func stepUp(p Progress) turn {
	wanted := p.Request.Params.ACRValues
	if len(wanted) == 0 || satisfiesAny(p.Session.ACR, wanted) || p.proved() || !satisfiesAny(p.best(), wanted) {
		return turn{step: StepFinish}
	}
	return turn{StepLogin, StepInteractionRequired}
}

// best is the strongest class that a sign-in of the session's person can have.
func (p Progress) best() string {
	switch {
	case p.Factors.Passkeys > 0:
		return ACRPasskey
	case p.Clave == nil:
		return ""
	case p.Factors.TOTP, p.Factors.Codes > 0:
		return ACR2FA
	default:
		return acrOf(p.Clave.Long)
	}
}

// renew asks for a new clave where it is due, unless it waits for the transaction
// that runs at the application.
func renew(p Progress) turn {
	_, due := p.Renewal.Due(p.Clave, p.Now)
	if due && !waits(p.Clave, p.Session, p.Window, p.Now) {
		return turn{StepRenew, StepInteractionRequired}
	}
	return turn{step: StepFinish}
}

// unmet refuses where an essential acr is out of this person's reach. It comes
// after renewal, which may have brought it within.
func unmet(p Progress) turn {
	ask := p.Request.Params
	if ask.ACREssential && !satisfiesAny(p.Session.ACR, ask.ACRValues) {
		return turn{step: StepUnmet}
	}
	return turn{step: StepFinish}
}

// allow tells once what an application of the IESS receives and asks before
// another one receives anything; prompt=consent does so once more.
func allow(p Progress) turn {
	due := turn{StepNotice, StepInteractionRequired}
	if !p.FirstParty {
		due = turn{StepConsent, StepConsentRequired}
	}
	c := p.Consent
	if c == nil || !p.FirstParty && c.Kind != kindConsent {
		return due
	}
	if slices.Contains(p.Request.Params.Prompt, "consent") && c.CreatedAt.Before(p.Request.CreatedAt.Time) {
		return due
	}
	answered := strings.Fields(c.Scope + " " + c.Asked)
	for _, scope := range strings.Fields(p.Request.Scope) {
		if !slices.Contains(answered, scope) {
			return due
		}
	}
	return turn{step: StepFinish}
}

// Kinds of consent (storage.Consent.Kind).
const (
	kindNotice  = "notice"
	kindConsent = "consent"
)

// granted is what of the asked scope the person's consent lets through, in the
// order asked. A notice lets everything through.
func granted(asked string, c *storage.Consent) string {
	if c == nil || c.Kind == kindNotice {
		return asked
	}
	allowed := strings.Fields(c.Scope)
	return strings.Join(slices.DeleteFunc(strings.Fields(asked), func(s string) bool { return !slices.Contains(allowed, s) }), " ")
}
