package pdf

import (
	"bytes"
	"compress/zlib"
	"errors"
	"io"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf16"

	"iess.gob.ec/clave/templates"
)

// sample is a document of n sections.
func sample(n int) templates.Document {
	d := templates.Document{
		Lang: "es-EC", Title: "Mis datos", Foot: "clave.iess.example · hoy", Page: "Página {page} de {pages}",
		Facts: []templates.DocumentFact{{Label: "Nombre", Value: "María Ñauta"}},
		Text:  []string{"Aquí está todo.\x00\tÇa, Шевченко, Οκάφορ 😀"},
	}
	for range n {
		items := make([]templates.DocumentItem, 20)
		for i := range items {
			items[i] = templates.DocumentItem{Heading: "22 de noviembre", Facts: []templates.DocumentFact{
				{Label: "Número", Value: strings.Repeat("larguísimo", 20)}, {Label: "Año", Value: "2026"},
			}}
		}
		d.Sections = append(d.Sections, templates.DocumentSection{Title: "Sesión", Text: []string{"20 registros."}, Items: items})
	}
	return d
}

var stream = regexp.MustCompile(`(?s)stream\n(.*?)\nendstream`)

// pages are the drawing orders of each page, and how many pages there are.
func pages(t *testing.T, file []byte) (string, int) {
	t.Helper()
	var all strings.Builder
	for _, m := range stream.FindAllSubmatch(file, -1) {
		z, err := zlib.NewReader(bytes.NewReader(m[1]))
		if err != nil {
			continue // a font's table
		}
		text, err := io.ReadAll(z)
		if err != nil && !errors.Is(err, io.ErrUnexpectedEOF) {
			t.Fatal(err)
		}
		if bytes.Contains(text, []byte("BT ")) {
			all.Write(text)
		}
	}
	return all.String(), bytes.Count(file, []byte("/Type /Page\n"))
}

// wide is text as a page has it.
func wide(text string) string {
	var out []byte
	for _, u := range utf16.Encode([]rune(text)) {
		out = append(out, byte(u>>8), byte(u))
	}
	return strings.NewReplacer(`\`, `\\`, `(`, `\(`, `)`, `\)`, "\r", `\r`).Replace(string(out))
}

func TestDocumentIsReadableText(t *testing.T) {
	now := time.Date(2026, 11, 22, 17, 0, 0, 0, time.UTC)
	file, err := Make(sample(3), now)
	if err != nil {
		t.Fatal(err)
	}
	text, n := pages(t, file)
	if n < 3 {
		t.Fatalf("got %d pages", n)
	}
	at := 0
	for _, words := range []string{"Mis datos", "Nombre", "María", "Ñauta", "Aquí", "Шевченко,", "Οκάφορ", "□", "Sesión", "registros."} {
		i := strings.Index(text[at:], wide(words))
		if i < 0 {
			t.Errorf("%q is not on the pages, or not in its order", words)
			continue
		}
		at += i
	}
	for _, words := range []string{"Página", "clave.iess.example"} {
		if got := strings.Count(text, wide(words)); got != n {
			t.Errorf("%q is on %d pages of %d", words, got, n)
		}
	}
	if strings.Contains(text, "\x00\x00") || strings.Contains(text, wide(allPages)) {
		t.Error("a page has what is no letter, or no number of pages")
	}
	for _, want := range []string{"/Lang (es-EC)", "/Title ", "/Outlines", "/CreationDate (D:20261122"} {
		if !bytes.Contains(file, []byte(want)) {
			t.Errorf("the file lacks %s", want)
		}
	}
	again, err := Make(sample(3), now)
	if err != nil || !bytes.Equal(file, again) {
		t.Errorf("the same document makes another file: %v", err)
	}
}

// No heading stands alone at the foot of a page, wherever that falls.
func TestNoHeadingStandsAlone(t *testing.T) {
	for lines := range 12 {
		d := templates.Document{Page: "Página {page} de {pages}", Sections: []templates.DocumentSection{{Title: "Actividad", Text: slices.Repeat([]string{"algo"}, lines)}}}
		for range 40 {
			d.Sections[0].Items = append(d.Sections[0].Items, templates.DocumentItem{Heading: "Ingresó", Facts: []templates.DocumentFact{{Label: "Red", Value: "x"}}})
		}
		file, err := Make(d, time.Now())
		if err != nil {
			t.Fatal(err)
		}
		text, _ := pages(t, file)
		for i, page := range strings.Split(text, wide("Página")) {
			if strings.LastIndex(page, wide("Ingresó")) > strings.LastIndex(page, wide("Red:")) {
				t.Errorf("after %d lines a heading is the last on page %d", lines, i+1)
			}
		}
	}
}
