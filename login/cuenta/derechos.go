package cuenta

import (
	"context"
	"crypto/rand"
	"net/http"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

const (
	pageRights   = "/cuenta/derechos"
	fieldRight   = "derecho"
	fieldDetail  = "detalle"
	fieldRequest = "solicitud"

	doneAsked     = "pedida" // and the request's number, as below
	doneCancelled = "cancelada"

	openRights = 5    // requests of one person that may wait at once
	mostDetail = 2000 // characters of a request
)

// getRights is GET /cuenta/derechos.
func (s *Server) getRights(w http.ResponseWriter, r *http.Request, v *visit) error {
	page, err := s.rightsPage(r, v)
	if err != nil {
		return err
	}
	switch done, number, _ := strings.Cut(s.doneHere(r, v), " "); done {
	case doneAsked:
		page.Asked = number
	case doneCancelled:
		page.Cancelled = number
	}
	return s.Show(w, v.Visit, http.StatusOK, page)
}

func (s *Server) rightsPage(r *http.Request, v *visit) (templates.Rights, error) {
	page := templates.Rights{Own: s.own(r, v), Most: mostDetail, Days: answerDays}
	all, err := s.DB.RightsRequests(r.Context(), v.afiliado.ID)
	for _, q := range all {
		page.Requests = append(page.Requests, shownRequest(q, v.Now))
	}
	page.Full = waiting(all) >= openRights
	return page, err
}

func shownRequest(q storage.RightsRequest, now time.Time) templates.RightsRequest {
	return templates.RightsRequest{
		ID: q.ID, Number: q.Number, Right: q.Kind, Detail: q.Detail, State: templates.RightsState(q.State), Outcome: q.Outcome, Answer: q.Answer,
		Asked: q.CreatedAt.Time, Last: lastDay(q.DueAt.Time), Done: q.DoneAt.Time, Left: daysLeft(q.DueAt.Time, now),
	}
}

// waiting is how many of them wait for an answer.
func waiting(all []storage.RightsRequest) int {
	n := 0
	for _, q := range all {
		if q.State == storage.RightsOpen {
			n++
		}
	}
	return n
}

// postRights is POST /cuenta/derechos/pedir: the person asks. What she typed is kept
// whatever is wrong; a form that comes again is the same request.
func (s *Server) postRights(w http.ResponseWriter, r *http.Request, v *visit) error {
	right, detail := v.Form.Get(fieldRight), written(v.Form.Get(fieldDetail))
	var faults []templates.Fault
	if !slices.Contains(storage.Rights(), right) {
		right, faults = "", append(faults, templates.DerechoEmpty)
	}
	switch {
	case detail == "":
		faults = append(faults, templates.DetalleEmpty)
	case utf8.RuneCountInString(detail) > mostDetail:
		faults = append(faults, templates.DetalleLong)
	}
	number := ""
	if len(faults) == 0 {
		err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
			var err error
			number, err = s.askRight(r.Context(), tx, r, v, right, detail)
			return err
		})
		if err != nil {
			return err
		}
	}
	if number != "" {
		return s.toDone(w, r, v, pageRights, doneAsked+" "+number)
	}
	page, err := s.rightsPage(r, v)
	if err != nil {
		return err
	}
	page.Right, page.Detail, page.Faults = right, detail, faults
	return s.Show(w, v.Visit, http.StatusOK, page)
}

// askRight stores a request and returns its number; "" where as many wait as may.
func (s *Server) askRight(ctx context.Context, tx *storage.Tx, r *http.Request, v *visit, right, detail string) (string, error) {
	if _, err := tx.LockAccount(ctx, v.afiliado.ID); err != nil {
		return "", err
	}
	all, err := tx.RightsRequests(ctx, v.afiliado.ID)
	if err != nil {
		return "", err
	}
	for _, q := range all {
		if q.State == storage.RightsOpen && q.Kind == right && q.Detail == detail {
			return q.Number, nil
		}
	}
	if waiting(all) >= openRights {
		return "", nil
	}
	q := storage.RightsRequest{
		ID: storage.NewID(), Number: caseNumber(), AfiliadoID: v.afiliado.ID, Kind: right, Detail: detail,
		CreatedAt: storage.At(v.Now), DueAt: storage.At(due(v.Now)),
	}
	if err := tx.AddRightsRequest(ctx, q); err != nil {
		return "", err
	}
	last := lastDay(q.DueAt.Time)
	return q.Number, s.TellData(ctx, tx, r, v.Visit, v.afiliado, templates.RightsAsked, "",
		map[string]string{"number": q.Number, "right": right, "due": last.Format(time.DateOnly)},
		login.Notice{Number: q.Number, Right: right, Due: last})
}

// caseNumber is a new number of a case, as people read it out: forty random bits.
func caseNumber() string {
	text := rand.Text()
	return "DER-" + text[:4] + "-" + text[4:8]
}

// written is a text of several lines as somebody wrote it, without what no text has.
func written(text string) string {
	text = strings.ReplaceAll(strings.ToValidUTF8(text, ""), "\r\n", "\n")
	return strings.TrimSpace(strings.Map(func(c rune) rune {
		if c < ' ' && c != '\n' && c != '\t' || c == 0x7f {
			return -1
		}
		return c
	}, text))
}

// postCancelRight is POST /cuenta/derechos/cancelar.
func (s *Server) postCancelRight(w http.ResponseWriter, r *http.Request, v *visit) error {
	number := ""
	err := s.DB.InTx(r.Context(), func(tx *storage.Tx) error {
		ctx := r.Context()
		if _, err := tx.LockAccount(ctx, v.afiliado.ID); err != nil {
			return err
		}
		done, err := tx.CancelRightsRequest(ctx, v.afiliado.ID, v.Form.Get(fieldRequest), v.Now)
		if err != nil || !done {
			return err
		}
		q, err := tx.RightsRequest(ctx, v.Form.Get(fieldRequest))
		if err != nil {
			return err
		}
		number = q.Number
		return s.TellData(ctx, tx, r, v.Visit, v.afiliado, templates.RightsCancelled, "", map[string]string{"number": q.Number},
			login.Notice{Number: q.Number, Right: q.Kind})
	})
	if err != nil {
		return err
	}
	if number == "" {
		return s.Redirect(w, r, pageRights)
	}
	return s.toDone(w, r, v, pageRights, doneCancelled+" "+number)
}
