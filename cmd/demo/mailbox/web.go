package mailbox

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io/fs"
	"log/slog"
	"net/http"
	"strconv"
	"time"
)

//go:embed pages/*.html
var pageFiles embed.FS

//go:embed static/buzon.css
var stylesheet []byte

// pages are the parsed templates, each with the layout.
type pages struct{ byName map[string]*template.Template }

func parsePages() (*pages, error) {
	p := &pages{byName: make(map[string]*template.Template)}
	for _, name := range []string{"buzon", "correo", "mensaje", "personas", "plantillas", "plantilla", "aviso"} {
		t, err := template.New(name).Funcs(template.FuncMap{"moment": moment}).ParseFS(pageFiles, "pages/layout.html", "pages/"+name+".html")
		if err != nil {
			return nil, fmt.Errorf("mailbox: page %s: %w", name, err)
		}
		p.byName[name] = t
	}
	return p, nil
}

func (b *Mailbox) routes() (http.Handler, error) {
	mux := http.NewServeMux()
	for pattern, h := range map[string]func(http.ResponseWriter, *http.Request) error{
		"GET /{$}":                           b.getHome,
		"GET /correo/{address}":              b.getAddress,
		"GET /mensaje/{id}":                  b.getMessage,
		"GET /mensaje/{id}/html":             b.getMessageHTML,
		"GET /mensaje/{id}/original":         b.getOriginal,
		"GET /personas":                      b.getPeople,
		"GET /plantillas":                    b.getTemplates,
		"GET /plantillas/{lang}/{name}":      b.getTemplate,
		"GET /plantillas/{lang}/{name}/html": b.getTemplateHTML,
		"GET /":                              b.getUnknown,
	} {
		mux.Handle(pattern, b.handle(h))
	}
	mux.Handle("GET /static/", b.cfg.Stylesheet)
	mux.HandleFunc("GET /static/buzon.css", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/css; charset=utf-8")
		w.Header().Set("Cache-Control", "public, max-age=300")
		_, _ = w.Write(stylesheet) // the browser has gone
	})
	return b.headers(mux), nil
}

// ServeHTTP serves the web page.
func (b *Mailbox) ServeHTTP(w http.ResponseWriter, r *http.Request) { b.handler.ServeHTTP(w, r) }

// headers sets what every answer carries. Whoever comes under another name is
// led to ours: a foreign one that was made to point here must not read mail.
func (b *Mailbox) headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", pagePolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cache-Control", "no-store")
		if r.Host != b.host {
			http.Redirect(w, r, b.cfg.BaseURL+"/", http.StatusTemporaryRedirect)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// handle logs what a handler could not do and tells the person.
func (b *Mailbox) handle(h func(http.ResponseWriter, *http.Request) error) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := h(w, r)
		if err == nil {
			return
		}
		if errors.Is(err, fs.ErrNotExist) {
			err = b.getUnknown(w, r)
		}
		if err == nil || errors.Is(err, context.Canceled) {
			return
		}
		b.cfg.Log.LogAttrs(r.Context(), slog.LevelError, "mailbox", slog.String("error", err.Error()))
		err = b.render(w, r, http.StatusInternalServerError, "aviso", noticePage{
			b.frame(""), "No pudimos mostrar esta página", "Los mensajes siguen en su carpeta. Vuelva a intentarlo.",
		})
		if err != nil {
			http.Error(w, "No pudimos mostrar esta página. Vuelva a intentarlo.", http.StatusInternalServerError)
		}
	})
}

// render writes a page whole or not at all.
func (b *Mailbox) render(w http.ResponseWriter, r *http.Request, status int, name string, data any) error {
	var out bytes.Buffer
	if err := b.pages.byName[name].ExecuteTemplate(&out, "layout", data); err != nil {
		return fmt.Errorf("page %s: %w", name, err)
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	if r.Method != http.MethodHead {
		_, _ = w.Write(out.Bytes()) // the browser has gone
	}
	return nil
}

// renderMail writes the HTML of a mail, as a document of its own.
func renderMail(w http.ResponseWriter, source string) error {
	tame, err := inert(source)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Security-Policy", mailPolicy)
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = w.Write([]byte(tame)) // the browser has gone
	return nil
}

// moment is a time on the clocks of Ecuador, which know no summer.
func moment(t time.Time) string {
	t = t.In(time.FixedZone("Ecuador", -5*60*60))
	return strconv.Itoa(t.Day()) + " de " + Month(t) + ", " + t.Format("15:04:05")
}

// Month is a month in Spanish words, as in "marzo de 1985".
func Month(t time.Time) string {
	months := [...]string{"enero", "febrero", "marzo", "abril", "mayo", "junio", "julio", "agosto", "septiembre", "octubre", "noviembre", "diciembre"}
	return months[t.Month()-1] + " de " + strconv.Itoa(t.Year())
}
