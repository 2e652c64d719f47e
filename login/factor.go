package login

import (
	"context"
	"net/http"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Audit events of factors. Detail: passkey, the id of the one it is about; where
// somebody ended it, by; where it is to end, at.
const (
	EventPasskeyAdded   = "passkey.added"
	EventPasskeyRenamed = "passkey.renamed" // of no notice
	EventPasskeyEnded   = "passkey.ended"
	EventPasskeyEnding  = "passkey.ending"
	EventPasskeyKept    = "passkey.kept"   // it does not end, after all
	EventPasskeyCloned  = "passkey.cloned" // its counter went back (WA-5)
	eventPasskeyUnmade  = "passkey.unmade" // what a device answered made none; detail: reason
	EventPasskeyBackup  = "passkey.backup" // seen at its use; detail: copied, whether its provider has a copy now (WA-4)
	EventPasskeyDenied  = "passkey.denied" // it let nobody in; detail: reason

	EventTOTPAdded     = "totp.added"
	EventTOTPEnded     = "totp.ended"
	EventTOTPEnding    = "totp.ending"
	EventTOTPKept      = "totp.kept"
	EventSecondStepOn  = "secondstep.on" // of no notice
	EventSecondStepOff = "secondstep.off"
	EventSecondDenied  = "second.denied" // a right clave, and a wrong code after it; detail: by
	EventCodesMade     = "codes.made"
	EventCodeUsed      = "codes.used"

	EventFactorsEnded = "factors.ended" // all of a person's, by an officer; detail too: reason
)

// factorChange is what goes with a kind of notice.
type factorChange struct {
	event string // in the audit
	cause string // of the CredentialChange that applications get, "" for none
}

func factorChanges() map[templates.FactorKind]factorChange {
	return map[templates.FactorKind]factorChange{
		templates.KeyAdded:   {EventPasskeyAdded, storage.CausePasskeyAdded},
		templates.KeyEnded:   {EventPasskeyEnded, storage.CausePasskeyEnded},
		templates.KeyEnding:  {EventPasskeyEnding, ""},
		templates.KeyKept:    {EventPasskeyKept, ""},
		templates.KeyCloned:  {EventPasskeyCloned, ""},
		templates.StepAdded:  {EventTOTPAdded, storage.CauseTOTPAdded},
		templates.StepEnded:  {EventTOTPEnded, storage.CauseTOTPEnded},
		templates.StepEnding: {EventTOTPEnding, ""},
		templates.StepKept:   {EventTOTPKept, ""},
		templates.StepOff:    {EventSecondStepOff, ""},
		templates.CodesMade:  {EventCodesMade, ""},
		templates.CodeUsed:   {EventCodeUsed, ""},
		templates.AllEnded:   {EventFactorsEnded, storage.CauseFactorsEnded},

		templates.StepGuessed: {EventSecondDenied, ""},
	}
}

// FactorEvent is the audit event that a notice of that kind tells of.
func FactorEvent(kind templates.FactorKind) string { return factorChanges()[kind].event }

// TellFactor writes down in tx, which holds the person, what r has done to one of
// her factors: an audit row with detail, the notice to all her addresses with "No
// fui yo" (ASVS 6.3.7), and CredentialChange for applications where something was
// added or ended.
func (s *Server) TellFactor(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, a *storage.Afiliado,
	kind templates.FactorKind, detail map[string]string, n Notice,
) error {
	change := factorChanges()[kind]
	e := v.Event(r, change.event, a.ID)
	e.Detail = detail
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	if change.cause != "" {
		if err := tx.QueueEvent(ctx, storage.CredentialChange, change.cause, a.ID, v.Now); err != nil {
			return err
		}
	}
	return s.Notify(ctx, tx, r, v, string(kind), s.DB.IdentifierMAC(a.Identifier), n)
}
