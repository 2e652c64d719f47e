package pdf

import (
	"bytes"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"
	"golang.org/x/image/font/gofont/gobold"
	"golang.org/x/image/font/gofont/goregular"

	"iess.gob.ec/clave/templates"
)

// Measures, in millimetres and, of letters, in points.
const (
	margin = 20
	bottom = 22

	title   = 20
	heading = 14
	text    = 10
	small   = 8.5

	line = 1.35 // of a letter's height
)

const family = "go"

// allPages stands for the number of pages until it is known. fpdf puts it in
// letter by letter, so it is of letters that every font has.
const allPages = "{nb}"

// Make writes d, made at now, as a PDF.
func Make(d templates.Document, now time.Time) ([]byte, error) {
	p := fpdf.New("P", "mm", "A4", "")
	p.AddUTF8FontFromBytes(family, "", slices.Clone(goregular.TTF))
	p.AddUTF8FontFromBytes(family, "B", slices.Clone(gobold.TTF))
	p.SetLang(d.Lang)
	p.SetTitle(d.Title, true)
	p.SetAuthor("Instituto Ecuatoriano de Seguridad Social", true)
	p.SetCreator("Clave IESS", true)
	p.SetCreationDate(now)
	p.SetModificationDate(now)
	p.SetCatalogSort(true) // the same document makes the same file
	p.SetMargins(margin, margin, margin)
	p.SetAutoPageBreak(true, bottom)
	p.AliasNbPages(allPages)
	w := &writer{p}
	p.SetFooterFunc(func() {
		p.SetY(-bottom + 6)
		w.font("", small, soft)
		page := strings.NewReplacer("{page}", strconv.Itoa(p.PageNo()), "{pages}", allPages).Replace(d.Page)
		p.CellFormat(0, height(small), fit(d.Foot), "", 0, "L", false, 0, "")
		p.SetX(margin)
		p.CellFormat(0, height(small), page, "", 0, "R", false, 0, "")
	})
	p.AddPage()
	w.paragraph("B", title, ink, d.Title)
	p.Ln(2)
	for _, f := range d.Facts {
		w.fact(f, "\n")
	}
	p.Ln(2)
	for _, one := range d.Text {
		w.paragraph("", text, ink, one)
		p.Ln(1)
	}
	for _, s := range d.Sections {
		w.section(s)
	}
	var out bytes.Buffer
	if err := p.Output(&out); err != nil {
		return nil, fmt.Errorf("pdf: %w", err)
	}
	return out.Bytes(), nil
}

// color is one of the two that the text has: both are read on white with 7:1 and
// more (WCAG 1.4.6).
type color [3]int

func ink() color  { return color{0x13, 0x26, 0x2a} }
func soft() color { return color{0x43, 0x56, 0x59} }

func height(size float64) float64 { return size * line * 25.4 / 72 }

type writer struct{ *fpdf.Fpdf }

func (w *writer) font(style string, size float64, of func() color) {
	w.SetFont(family, style, size)
	c := of()
	w.SetTextColor(c[0], c[1], c[2])
}

func (w *writer) paragraph(style string, size float64, of func() color, words string) {
	w.font(style, size, of)
	w.MultiCell(0, height(size), fit(words), "", "L", false)
}

func (w *writer) section(s templates.DocumentSection) {
	w.Ln(5)
	w.room(4 * height(heading))
	w.Bookmark(fit(s.Title), 0, -1)
	w.paragraph("B", heading, ink, s.Title)
	for _, one := range s.Text {
		w.paragraph("", small, soft, one)
	}
	for _, item := range s.Items {
		w.Ln(2)
		if item.Heading != "" {
			w.room(2 * height(text))
			w.paragraph("B", text, ink, item.Heading)
		}
		for i, f := range item.Facts {
			end := " ·  "
			if i == len(item.Facts)-1 {
				end = "\n"
			}
			w.fact(f, end)
		}
	}
}

// room begins a page where fewer millimetres are left: no heading stands alone at the foot.
func (w *writer) room(tall float64) {
	if _, page := w.GetPageSize(); w.GetY()+tall > page-bottom {
		w.AddPage()
	}
}

// fact writes a value after what it is called, in the line.
func (w *writer) fact(f templates.DocumentFact, end string) {
	w.font("", small, soft)
	w.Write(height(text), fit(f.Label)+": ")
	w.font("", text, ink)
	w.Write(height(text), fit(f.Value)+end)
}

// fit is text in letters that the fonts have: no others, and nothing that is no
// letter but for the end of a line.
func fit(words string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n':
			return r
		case r == '\t':
			return ' '
		case r < ' ' || 0x7f <= r && r < 0xa0:
			return -1
		case r > 0xffff:
			return '□'
		default:
			return r
		}
	}, words)
}
