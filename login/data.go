package login

import (
	"context"
	"net/http"

	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// Audit events about what applications know of a person, and about what she asks of
// the IESS about her data.
const (
	EventConsentWithdrawn = "consent.withdrawn" // what she allowed an application; client_id says which
	EventAccessClosed     = "access.closed"     // of an application of the IESS
	EventDataTaken        = "data.taken"        // everything about her; detail: format, rows
	EventRightsAsked      = "rights.asked"      // detail: number, right, due
	EventRightsCancelled  = "rights.cancelled"  // detail: number
	EventRightsAnswered   = "rights.answered"   // by the operator; detail: number, outcome
	EventRightsRead       = "rights.read"       // by the operator, of no notice; detail: number
)

// DataEvent is the audit event that a notice of that kind tells of.
func DataEvent(kind templates.DataKind) string {
	return map[templates.DataKind]string{
		templates.PermissionWithdrawn: EventConsentWithdrawn,
		templates.AccessClosed:        EventAccessClosed,
		templates.DataTaken:           EventDataTaken,
		templates.RightsAsked:         EventRightsAsked,
		templates.RightsCancelled:     EventRightsCancelled,
		templates.RightsAnswered:      EventRightsAnswered,
	}[kind]
}

// TellData writes down in tx, which holds the person, what r has done: an audit row
// with detail, and the notice to all her addresses with "No fui yo".
func (s *Server) TellData(ctx context.Context, tx *storage.Tx, r *http.Request, v *Visit, a *storage.Afiliado,
	kind templates.DataKind, clientID string, detail map[string]string, n Notice,
) error {
	e := v.Event(r, DataEvent(kind), a.ID)
	e.ClientID, e.Detail = clientID, detail
	if err := tx.Audit(ctx, e); err != nil {
		return err
	}
	return s.Notify(ctx, tx, r, v, string(kind), s.DB.IdentifierMAC(a.Identifier), n)
}
