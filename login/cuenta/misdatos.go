package cuenta

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"time"

	"iess.gob.ec/clave/login"
	"iess.gob.ec/clave/login/pdf"
	"iess.gob.ec/clave/storage"
	"iess.gob.ec/clave/templates"
)

const (
	pageMyData = "/cuenta/mis-datos"

	// A person takes her data away so often within takenWithin: whoever sits at her
	// session is not to keep the machine busy.
	takenMost   = 10
	takenWithin = time.Hour
)

// getMyData is GET /cuenta/mis-datos.
func (s *Server) getMyData(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.Show(w, v.Visit, http.StatusOK, templates.MyData{Own: s.own(r, v), Shared: v.session.Shared})
}

// postPDF is POST /cuenta/mis-datos/pdf.
func (s *Server) postPDF(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.take(w, r, v, "pdf", "application/pdf", func(e storage.Export, clients map[string]*storage.Client) ([]byte, error) {
		f, err := s.dataFile(v, e, clients)
		if err != nil {
			return nil, err
		}
		d, err := s.Pages.DataDocument(f)
		if err != nil {
			return nil, err
		}
		return pdf.Make(d, v.Now)
	})
}

// postJSON is POST /cuenta/mis-datos/json.
func (s *Server) postJSON(w http.ResponseWriter, r *http.Request, v *visit) error {
	return s.take(w, r, v, "json", "application/json", func(e storage.Export, _ map[string]*storage.Client) ([]byte, error) {
		return s.dataJSON(v, e)
	})
}

// take hands the person a file that write makes of all that is stored about her
// (LOPDP arts. 13 and 17). That it was taken is audited, and told at all her
// addresses. The answer stays in no cache, and the browser opens nothing of it.
func (s *Server) take(w http.ResponseWriter, r *http.Request, v *visit, format, media string,
	write func(storage.Export, map[string]*storage.Client) ([]byte, error),
) error {
	ctx := r.Context()
	retry, err := s.tooOften(ctx, s.DB, v)
	if err != nil {
		return err
	}
	var body []byte
	rows := 0
	if retry == 0 {
		e, err := s.DB.Export(ctx, v.afiliado.ID)
		if err != nil {
			return err
		}
		for _, t := range e {
			rows += len(t.Rows)
		}
		clients, err := s.clients(ctx)
		if err != nil {
			return err
		}
		if body, err = write(e, clients); err != nil {
			return err
		}
		err = s.DB.InTx(ctx, func(tx *storage.Tx) error {
			if _, err := tx.LockAccount(ctx, v.afiliado.ID); err != nil {
				return err
			}
			if retry, err = s.tooOften(ctx, tx, v); err != nil || retry > 0 {
				return err
			}
			return s.TellData(ctx, tx, r, v.Visit, v.afiliado, templates.DataTaken, "",
				map[string]string{"format": format, "rows": strconv.Itoa(rows)}, login.Notice{})
		})
		if err != nil {
			return err
		}
	}
	if retry > 0 {
		page := templates.MyData{Own: s.own(r, v), Shared: v.session.Shared, Often: true, Retry: retry}
		w.Header().Set("Retry-After", strconv.Itoa(int(retry.Seconds())+1))
		return s.Show(w, v.Visit, http.StatusTooManyRequests, page)
	}
	h := w.Header()
	h.Set("Content-Type", media)
	h.Set("Content-Disposition", `attachment; filename="mis-datos-iess-`+v.Now.In(ecuador()).Format(time.DateOnly)+`.`+format+`"`)
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	_, _ = w.Write(body) // who does not read it has gone
	return nil
}

// personEvents is what *storage.DB and *storage.Tx have in common here.
type personEvents interface {
	PersonEvents(ctx context.Context, afiliadoID, name string, until time.Time, limit int) ([]storage.AuditRow, error)
}

// tooOften is how long the person has to wait until she may take her data again; 0:
// not at all.
func (s *Server) tooOften(ctx context.Context, from personEvents, v *visit) (time.Duration, error) {
	last, err := from.PersonEvents(ctx, v.afiliado.ID, login.EventDataTaken, v.Now, takenMost)
	if err != nil || len(last) < takenMost {
		return 0, err
	}
	return max(0, last[takenMost-1].At.Add(takenWithin).Sub(v.Now)), nil
}

// dataFile is an export as it is put into words: what says whose a row is, once, is
// not said on each, and what the tables beside the audit say of a row of it stands
// with that row.
func (s *Server) dataFile(v *visit, e storage.Export, clients map[string]*storage.Client) (templates.DataFile, error) {
	f := templates.DataFile{Lang: v.Lang, Name: v.afiliado.Name(), Identifier: string(v.afiliado.Identifier), When: v.Now}
	beside := map[string][]templates.DataField{}
	for _, name := range besideAudit() {
		for _, row := range e.Table(name).Rows {
			id := storage.Get(row, "audit_id")
			beside[id] = append(beside[id], dataFields(row, clients)...)
		}
	}
	for _, t := range e {
		if slices.Contains(besideAudit(), t.Name) {
			continue
		}
		table := templates.DataTable{Name: t.Name}
		for _, held := range t.Held {
			table.Held = append(table.Held, templates.DataHeld{Column: held.Column, Reason: string(held.Reason)})
		}
		for _, row := range t.Rows {
			one := templates.DataRow{Fields: dataFields(row, clients)}
			if t.Name == "audit" {
				var err error
				if one.Heading, err = s.inAWord(v.Lang, row, clients); err != nil {
					return f, err
				}
				one.Fields = append(one.Fields, beside[storage.Get(row, "id")]...)
			}
			table.Rows = append(table.Rows, one)
		}
		f.Tables = append(f.Tables, table)
	}
	return f, nil
}

// inAWord is a row of the audit in the words of her activity; what that leaves out
// has words of its own.
func (s *Server) inAWord(lang string, row []storage.ExportField, clients map[string]*storage.Client) (string, error) {
	audit := storage.AuditRow{Event: storage.Get(row, "event"), Actor: storage.Get(row, "actor"), Detail: storage.Get(row, "detail")}
	detail, err := audit.Details()
	if err != nil {
		return "", err
	}
	h := templates.Happened{What: happening(audit, detail)}
	for _, f := range row {
		if f.Column == "at" {
			h.When = instant(f)
		}
	}
	if c := clients[storage.Get(row, "client_id")]; c != nil {
		h.Application = c.Metadata.ClientName
	}
	when, what, err := s.Pages.Words(lang, h)
	if err != nil {
		return "", err
	}
	if word, known := s.Pages.DataWord(lang, "hecho", audit.Event); known {
		what = word
	}
	return when + " · " + what, nil
}

// besideAudit are the tables with more of what rows of the audit say.
func besideAudit() []string {
	return []string{"audit_personal", "audit_origin", "audit_leaf", "audit_pending"}
}

// repeated are columns that a text to read does without: her own number, which is
// on every row, and keys and hashes that join rows.
func repeated() []string { return []string{"afiliado_id", "audit_id", "personal_hash"} }

func dataFields(row []storage.ExportField, clients map[string]*storage.Client) []templates.DataField {
	var out []templates.DataField
	for _, f := range row {
		if slices.Contains(repeated(), f.Column) {
			continue
		}
		d := templates.DataField{Column: f.Column, Text: f.Text, Broken: f.Broken}
		switch c := clients[f.Text]; {
		case f.Column == "client_id" && c != nil:
			d.Text = c.Metadata.ClientName + " (" + c.ID + ")"
		case f.Kind == storage.ExportFlag:
			d.Flag = true
		case f.Kind == storage.ExportInstant:
			d.At, d.Text = instant(f), ""
		}
		out = append(out, d)
	}
	return out
}

// instant is a value of that kind; zero for never.
func instant(f storage.ExportField) time.Time {
	at, err := time.Parse(time.RFC3339Nano, f.Text)
	if err != nil {
		return time.Time{}
	}
	return at
}

// What the file for other programs holds. Its names are Spanish, as those of the
// tokens are; instants are RFC 3339 in the time of continental Ecuador.
type (
	fileJSON struct {
		Issuer string      `json:"emisor"`
		Made   string      `json:"generado"`
		Text   []string    `json:"explicacion"`
		Tables []tableJSON `json:"temas"`
	}
	tableJSON struct {
		Name    string            `json:"tabla"`
		Title   string            `json:"titulo"`
		Columns []columnJSON      `json:"columnas"`
		Held    []heldJSON        `json:"retenido"`
		Rows    []json.RawMessage `json:"filas"`
	}
	columnJSON struct {
		Name string `json:"columna"`
		What string `json:"que"`
	}
	heldJSON struct {
		columnJSON
		Reason string `json:"motivo"`
	}
)

func (s *Server) dataJSON(v *visit, e storage.Export) ([]byte, error) {
	d, err := s.Pages.DataDocument(templates.DataFile{Lang: v.Lang, When: v.Now})
	if err != nil {
		return nil, err
	}
	word := func(kind, name string) string {
		w, _ := s.Pages.DataWord(v.Lang, kind, name)
		return w
	}
	file := fileJSON{Issuer: s.Issuer, Made: v.Now.In(ecuador()).Format(time.RFC3339), Text: d.Text}
	plan := storage.ExportPlan()
	for i, t := range e {
		table := tableJSON{Name: t.Name, Title: word("tabla", t.Name), Held: []heldJSON{}, Rows: []json.RawMessage{}}
		for _, f := range plan[i].Rows[0] {
			table.Columns = append(table.Columns, columnJSON{f.Column, word("columna", f.Column)})
		}
		for _, held := range t.Held {
			table.Held = append(table.Held, heldJSON{columnJSON{held.Column, word("columna", held.Column)}, word("retenido", string(held.Reason))})
		}
		for _, row := range t.Rows {
			table.Rows = append(table.Rows, rowJSON(row))
		}
		file.Tables = append(file.Tables, table)
	}
	out, err := json.MarshalIndent(file, "", " ")
	if err != nil {
		return nil, fmt.Errorf("cuenta: data: %w", err)
	}
	return append(out, '\n'), nil
}

// rowJSON is a row as an object, its columns in their order.
func rowJSON(row []storage.ExportField) json.RawMessage {
	out := []byte{'{'}
	for i, f := range row {
		if i > 0 {
			out = append(out, ',')
		}
		if at := instant(f); f.Kind == storage.ExportInstant && !at.IsZero() {
			f.Text = at.In(ecuador()).Format(time.RFC3339Nano)
		}
		out = append(append(strconv.AppendQuote(out, f.Column), ':'), f.JSON()...)
	}
	return append(out, '}')
}
