package recovery

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"net/http"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

// An account with a passkey is not recovered by a mail alone (DEV-7, ASVS 6.4.3): who
// has opened its link proves a passkey, too, or a recovery code. Without either, an
// officer sees her. Nobody learns of it who has not opened a link in her mailbox.

const (
	// cookieExtra keeps in the browser that this was proved for a link.
	cookieExtra = "prueba"
	fieldSaved  = "codigo_respaldo"
	pathOptions = "/generar-recuperar/llave" // what a passkey of the link's person is asked
)

// passkeys is what *storage.DB and *storage.Tx have in common here.
type passkeys interface {
	Passkeys(ctx context.Context, afiliadoID string, now time.Time) ([]storage.Passkey, error)
}

// extra reports whether the link's person has to prove more than that she reads her
// mail, and has not in this browser. A passkey that was copied counts as one: it
// proves nothing, and takes nothing away.
func (s *Server) extra(r *http.Request, from passkeys, v *visit, link *storage.Link) (bool, error) {
	all, err := from.Passkeys(r.Context(), link.AfiliadoID, v.Now)
	if err != nil || !ExtraProof(len(all)) {
		return false, err
	}
	return !hmac.Equal([]byte(s.KeptSecret(r, cookieExtra)), []byte(s.extraMark(v, link))), nil
}

// extraMark is what the browser keeps once more was proved for link in it.
func (s *Server) extraMark(v *visit, link *storage.Link) string {
	mac := hmac.New(sha256.New, s.DB.ChallengeKey())
	mac.Write([]byte("recovery.extra\x00" + link.ID + "\x00" + v.Browser))
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}

func (s *Server) extraPage(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link, opened time.Time) (templates.RecoverExtra, error) {
	page := templates.RecoverExtra{
		Layout: s.Layout(r, v.Visit), Opened: s.opened(link, opened), Until: s.until(opened), Remaining: s.until(opened).Sub(v.Now),
	}
	has, err := s.DB.Factors(r.Context(), link.AfiliadoID, v.Now)
	if err != nil {
		return page, err
	}
	page.Codes = has.Codes > 0
	if has.Passkeys > 0 {
		if page.Passkey = s.AskPasskey(w, false); page.Passkey != nil {
			page.Passkey.Options, page.Passkey.After = pathOptions, true
		}
	}
	return page, nil
}

// showExtra asks for the proof before the form of a new clave.
func (s *Server) showExtra(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link, opened time.Time, stale bool) error {
	page, err := s.extraPage(w, r, v, link, opened)
	if err != nil {
		return err
	}
	page.Stale = stale
	s.KeepSecret(w, cookieOpened, page.Opened, s.cfg.Window)
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// postExtraOptions is POST /generar-recuperar/llave: what a passkey is asked of the
// person whose link was opened in this browser.
func (s *Server) postExtraOptions(w http.ResponseWriter, r *http.Request) error {
	v, link, err := s.link(w, r)
	if err != nil {
		return err
	}
	if link == nil || !v.AskedFor(link) || !v.SameSite(r) || !link.UsedAt.IsZero() || !link.ReplacedAt.IsZero() {
		return s.Redirect(w, r, pathStart)
	}
	return s.AnswerOptions(w, r, v.Visit, link.AfiliadoID)
}

// extraTried is how a proof ended.
type extraTried struct {
	right bool
	left  int // attempts to type a recovery code
}

// postExtra compares what was sent, and leads to the form where it was right.
func (s *Server) postExtra(w http.ResponseWriter, r *http.Request, v *visit, link *storage.Link, opened time.Time) error {
	page, err := s.extraPage(w, r, v, link, opened)
	if err != nil {
		return err
	}
	response, saved := v.Form.Get(login.FieldPasskey), v.Form.Get(fieldSaved)
	if response == "" && saved == "" {
		if v.Form.Has(fieldSaved) {
			page.Faults = []templates.Fault{templates.SavedEmpty}
		} else {
			page.Stale = true // the form of the clave, from before she had a passkey
		}
		return s.Show(w, v.Visit, http.StatusOK, page)
	}
	var out extraTried
	err = s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		out, err = s.tryExtra(r.Context(), tx, r, v, link, response, saved)
		return err
	})
	if err != nil {
		return err
	}
	if out.right {
		s.KeepSecret(w, cookieExtra, s.extraMark(v, link), s.cfg.Window)
		return s.Redirect(w, r, login.PageNewClave)
	}
	if response != "" {
		page.Passkey = login.RefusedPasskey(page.Passkey, response)
	} else {
		page.Faults, page.Left, page.Spent = []templates.Fault{templates.SavedWrong}, out.left, out.left == 0
	}
	return s.ShowSpent(w, v.Visit, http.StatusOK, page)
}

// tryExtra compares in one transaction, which is committed whatever comes of it: a
// passkey's response, else a recovery code, for which the link has five attempts
// (ASVS 6.5.5). It signs nobody in, and passes any lock: the form behind it judges
// those.
func (s *Server) tryExtra(ctx context.Context, tx *storage.Tx, r *http.Request, v *visit, link *storage.Link, response, saved string) (extraTried, error) {
	var out extraTried
	a, err := tx.LockAfiliado(ctx, link.AfiliadoID)
	if err != nil {
		return out, err
	}
	by := "passkey"
	if response != "" {
		out.right, err = s.ProvedByPasskey(ctx, tx, r, v.Visit, a.ID, response)
	} else {
		by = "code"
		out, err = s.trySaved(ctx, tx, r, v, link, a, saved)
	}
	if err != nil {
		return out, err
	}
	e := v.Event(r, eventExtra, a.ID)
	e.Detail = map[string]string{"case": login.LinkOwner(link), "by": by, "right": "no"}
	if out.right {
		e.Detail["right"] = "yes"
	}
	return out, tx.Audit(ctx, e)
}

func (s *Server) trySaved(ctx context.Context, tx *storage.Tx, r *http.Request, v *visit, link *storage.Link, a *storage.Afiliado, saved string) (extraTried, error) {
	number, err := tx.ExtraAttempt(ctx, link.ID, login.LinkAttempts)
	if err != nil || number == 0 {
		return extraTried{}, err
	}
	right, err := tx.UseRecoveryCode(ctx, a.ID, saved, v.Now)
	if err == nil && right {
		err = s.TellFactor(ctx, tx, r, v.Visit, a, templates.CodeUsed, nil, login.Notice{})
	}
	return extraTried{right, login.LinkAttempts - number}, err
}
