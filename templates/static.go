package templates

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strconv"
	"strings"
	"sync"
)

// staticPrefix is where [Static] is mounted.
const staticPrefix = "/static/"

// Static serves the stylesheet, the icon and the modules under names that carry a hash of their content, so that
// browsers keep them for good. It needs no [Pages]: an application of the house may serve the same look.
type Static struct {
	paths  map[string]string // name, path
	assets map[string]asset  // path, content
}

type asset struct {
	contentType string
	plain       []byte
	gzip        func() []byte // made when the first browser asks: compressing all of them is a third of a start
}

// NewStatic reads the embedded files.
func NewStatic() (*Static, error) {
	s := &Static{paths: map[string]string{}, assets: map[string]asset{}}
	err := fs.WalkDir(files, "static", func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := files.ReadFile(file)
		if err != nil {
			return err
		}
		s.add(path.Base(file), b)
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("templates: static: %w", err)
	}
	return s, nil
}

func (s *Static) add(name string, b []byte) {
	sum := sha256.Sum256(b)
	ext := path.Ext(name)
	p := staticPrefix + strings.TrimSuffix(name, ext) + "." + hex.EncodeToString(sum[:8]) + ext
	s.paths[name] = p
	s.assets[p] = asset{contentType: contentType(ext), plain: b, gzip: sync.OnceValue(func() []byte { return zipped(b) })}
}

func zipped(b []byte) []byte {
	var z bytes.Buffer
	w, err := gzip.NewWriterLevel(&z, gzip.BestCompression)
	if err != nil {
		panic(err) // there is no such level
	}
	_, _ = w.Write(b) // a Buffer takes all
	_ = w.Close()
	return z.Bytes()
}

// contentType does not ask the machine's own table for what we serve, which may say something else.
func contentType(ext string) string {
	switch ext {
	case ".css":
		return "text/css; charset=utf-8"
	case ".js":
		return "text/javascript; charset=utf-8"
	case ".svg":
		return "image/svg+xml"
	default:
		return mime.TypeByExtension(ext)
	}
}

// Path is the address of a file by its name in the source, such as style.css, or an error where there is no such file.
func (s *Static) Path(name string) (string, error) {
	p, ok := s.paths[name]
	if !ok {
		return "", fmt.Errorf("templates: no static file %q", name)
	}
	return p, nil
}

// ServeHTTP answers GET and HEAD for the paths of [Static.Path] and 404 for any other.
func (s *Static) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("X-Content-Type-Options", "nosniff")
	a, ok := s.assets[r.URL.Path]
	switch {
	case !ok:
		http.NotFound(w, r)
		return
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		h.Set("Allow", "GET, HEAD")
		http.Error(w, http.StatusText(http.StatusMethodNotAllowed), http.StatusMethodNotAllowed)
		return
	}
	body := a.plain
	h.Set("Vary", "Accept-Encoding")
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		body = a.gzip()
		h.Set("Content-Encoding", "gzip")
	}
	h.Set("Content-Type", a.contentType)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("Content-Length", strconv.Itoa(len(body)))
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodGet {
		_, _ = w.Write(body) // who does not read it has gone
	}
}
