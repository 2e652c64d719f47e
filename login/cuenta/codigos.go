package cuenta

import (
	"context"
	"net/http"
	"regexp"
	"strings"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

const pageCodes = "/cuenta/codigos"

// getCodes is GET /cuenta/codigos: how many are left. They are never shown again.
func (s *Server) getCodes(w http.ResponseWriter, r *http.Request, v *visit) error {
	page := templates.Codigos{Own: s.own(r, v)}
	has, err := s.DB.Factors(r.Context(), v.afiliado.ID, v.Now)
	if err != nil {
		return err
	}
	since, err := s.DB.RecoveryCodesAt(r.Context(), v.afiliado.ID)
	if err != nil {
		return err
	}
	page.Left, page.Since = has.Codes, since.Time
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// postCodes is POST /cuenta/codigos/nuevos: a new set, shown this once. Those before are
// void.
func (s *Server) postCodes(w http.ResponseWriter, r *http.Request, v *visit) error {
	codes := storage.NewRecoveryCodes()
	_, err := s.inTx(r, v, func(ctx context.Context, tx *storage.Tx, a *storage.Afiliado) (templates.StepDone, error) {
		if err := tx.SetRecoveryCodes(ctx, a.ID, codes, v.Now); err != nil {
			return "", err
		}
		return "", s.TellFactor(ctx, tx, r, v.Visit, a, templates.CodesMade, nil, login.Notice{})
	})
	if err != nil {
		return err
	}
	return s.ShowSpent(w, v.Visit, http.StatusOK, templates.Codigos{
		Own: s.own(r, v), Fresh: codes, Left: len(codes), Since: v.Now,
	})
}

// postDownload is POST /cuenta/codigos/descargar: the codes on the page as a text to
// keep. They come from the page: here only their hashes are on file.
func (s *Server) postDownload(w http.ResponseWriter, r *http.Request, v *visit) error {
	codes := strings.Fields(v.Form.Get("codigos"))
	shape := regexp.MustCompile(`^[A-Z2-7]{4}(-[A-Z2-7]{4}){3}$`)
	for _, code := range codes {
		if len(codes) > storage.RecoveryCodes || !shape.MatchString(code) {
			return s.Redirect(w, r, pageCodes)
		}
	}
	if len(codes) == 0 {
		return s.Redirect(w, r, pageCodes)
	}
	text, err := s.Pages.CodesText(v.Lang, codes)
	if err != nil {
		return err
	}
	h := w.Header()
	h.Set("Content-Type", "text/plain; charset=utf-8")
	h.Set("Content-Disposition", `attachment; filename="codigos-clave-iess.txt"`)
	h.Set("Cache-Control", "no-store")
	_, _ = w.Write([]byte(text)) //nolint:gosec // plain text, of letters and digits that were checked
	return nil
}
