package recovery

import (
	"context"
	"net/http"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
)

// signInsLooked is how many sign-ins back a person's networks are looked for.
const signInsLooked = 20

// newNetwork reports whether r comes from a network, as login.NetworkName cuts
// them, other than those of a person's last sign-ins. These are read from the
// addresses beside the audit, for as long as they are kept there (audit.personal),
// so that nothing more is stored about her. Where there are none, no network is
// new.
func (s *Server) newNetwork(ctx context.Context, tx *storage.Tx, r *http.Request, v *visit, afiliadoID string) (bool, error) {
	rows, err := tx.PersonEvents(ctx, afiliadoID, login.EventSessionStarted, v.Now, signInsLooked)
	if err != nil {
		return false, err
	}
	here, _ := login.Origin(r)
	seen := false
	for _, row := range rows {
		from, err := tx.AuditPersonal(ctx, row.ID)
		if err != nil {
			return false, err
		}
		address, kept := from["address"]
		if !kept { // erased, as are all before it; what is left of it is for her eyes only
			break
		}
		switch login.NetworkName(address) {
		case "": // not known
		case here:
			return false, nil
		default:
			seen = true
		}
	}
	return seen, nil
}
