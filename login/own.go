package login

import (
	"context"
	"net/http"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Audit events of what a person changes in her account.
const (
	EventAddressAsked     = "address.asked"   // a further address was typed; detail: address, its id
	EventAddressAdded     = "address.added"   // its mail is read; detail: address
	EventAddressRemoved   = "address.removed" // detail: address, proved
	EventContactCancelled = "contact.cancelled"
	EventPhonesChanged    = "phones.changed"  // detail: which
	EventAnswersChanged   = "answers.changed" // the personal questions and their answers
	EventImageChosen      = "image.chosen"    // detail: image
	EventRenewalDay       = "renewal.day"     // detail: day, MMDD or 0
	EventLanguageChosen   = "language.chosen" // detail: language
)

// OwnEvent is the audit event that a notice of that kind tells of.
func OwnEvent(kind templates.OwnChange) string {
	return map[templates.OwnChange]string{
		templates.EmailAdded: EventAddressAdded, templates.EmailRemoved: EventAddressRemoved, templates.PhonesChanged: EventPhonesChanged,
		templates.QuestionsChanged: EventAnswersChanged, templates.ImageChanged: EventImageChosen,
	}[kind]
}

// TellOwn writes down in tx what r has changed of what is a's: an audit row with
// detail, and the notice to all her addresses with "No fui yo" (ASVS 6.3.7).
func (s *Server) TellOwn(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, a *storage.Afiliado,
	kind templates.OwnChange, detail map[string]string, n Notice,
) error {
	e := v.Event(r, OwnEvent(kind), a.ID)
	e.Detail = detail
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	return s.Notify(ctx, tx, r, v, string(kind), s.DB.IdentifierMAC(a.Identifier), n)
}
