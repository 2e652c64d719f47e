package templates

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// DataFile is all that is stored about a person, to be put into words.
type DataFile struct {
	Lang       string
	Name       string // hers, whole
	Identifier string
	When       time.Time // when it was read
	Tables     []DataTable
}

// DataTable is what one table holds about her.
type DataTable struct {
	Name string
	Rows []DataRow
	Held []DataHeld
}

// DataRow is one row. Heading, where it is not empty, is what it is about in words.
type DataRow struct {
	Heading string
	Fields  []DataField
}

// DataField is one value: a text, or a moment, or yes and no, or a text that does not open any more.
type DataField struct {
	Column string
	Text   string
	At     time.Time
	Flag   bool // Text is true or false
	Broken bool
}

// DataHeld is a column that is kept back, and why: secreto, huella, interno.
type DataHeld struct{ Column, Reason string }

// Document is a text to print: a heading, paragraphs, and sections of items.
type Document struct {
	Lang, Title string
	Facts       []DocumentFact
	Text        []string
	Sections    []DocumentSection
	// Foot stands at the foot of each page beside Page, in which {page} and {pages} are to be filled in.
	Foot, Page string
}

// DocumentSection is one subject of a document.
type DocumentSection struct {
	Title string
	Text  []string
	Items []DocumentItem
}

// DocumentItem is one entry of a section.
type DocumentItem struct {
	Heading string
	Facts   []DocumentFact
}

// DocumentFact is a value and what it is called.
type DocumentFact struct{ Label, Value string }

// dataWords are what people call the tables and columns of an export, and why a column is kept back.
type dataWords map[string]string

func readDataWords() (map[string]dataWords, error) {
	all := map[string]dataWords{}
	for _, lang := range Languages() {
		b, err := files.ReadFile("datos/" + lang + ".json")
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		words := dataWords{}
		if err := json.Unmarshal(b, &words); err != nil {
			return nil, fmt.Errorf("templates: datos/%s: %w", lang, err)
		}
		all[lang] = words
	}
	return all, nil
}

// of is the word for a name of that kind, or the name itself.
func (w dataWords) of(kind, name string) string {
	if word, ok := w[kind+"."+name]; ok {
		return word
	}
	return name
}

// DataWord is what people call a table, a column or a reason (kind tabla, columna, retenido) in a language, and whether
// there is a word for it.
func (p *Pages) DataWord(lang, kind, name string) (string, bool) {
	words, ok := p.data[lang]
	if !ok {
		words = p.data[Languages()[0]]
	}
	_, known := words[kind+"."+name]
	return words.of(kind, name), known
}

// DataDocument puts f into words. Empty values are left out, and tables without rows are named together at the end.
func (p *Pages) DataDocument(f DataFile) (Document, error) {
	post, ok := p.post[f.Lang]
	if !ok {
		f.Lang = Languages()[0]
		post = p.post[f.Lang]
	}
	c, w := &composer{site: post.site, c: post.c}, p.data[f.Lang]
	d := Document{
		Lang: f.Lang, Title: c.say("datos.title"), Page: c.say("datos.page"),
		Foot: c.say("datos.foot", "Issuer", post.site.host, "Moment", c.moment(f.When)),
		Facts: []DocumentFact{
			{c.say("fact.name"), f.Name},
			{c.say("fact.cedula"), f.Identifier},
			{c.say("datos.when"), c.moment(f.When)},
			{c.say("datos.by"), c.say("datos.iess", "Issuer", post.site.Issuer)},
		},
		Text: []string{c.say("datos.what"), c.say("datos.hours"), c.say("datos.held"), c.say("datos.empty"), c.say("datos.rights")},
	}
	var none []string
	for _, t := range f.Tables {
		if len(t.Rows) == 0 {
			none = append(none, w.of("tabla", t.Name))
			continue
		}
		d.Sections = append(d.Sections, c.dataSection(w, t))
	}
	if len(none) > 0 {
		d.Sections = append(d.Sections, DocumentSection{Title: c.say("datos.none"), Text: []string{strings.Join(none, " · ")}})
	}
	if c.err != nil {
		return Document{}, fmt.Errorf("templates: data: %w", c.err)
	}
	return d, nil
}

func (c *composer) dataSection(w dataWords, t DataTable) DocumentSection {
	s := DocumentSection{Title: w.of("tabla", t.Name), Text: []string{c.count("datos.rows", len(t.Rows))}}
	var reasons []string
	held := map[string][]string{}
	for _, h := range t.Held {
		if held[h.Reason] == nil {
			reasons = append(reasons, h.Reason)
		}
		held[h.Reason] = append(held[h.Reason], w.of("columna", h.Column))
	}
	for _, reason := range reasons {
		s.Text = append(s.Text, c.say("datos.withheld", "Names", strings.Join(held[reason], ", "), "Reason", w.of("retenido", reason)))
	}
	for _, row := range t.Rows {
		item := DocumentItem{Heading: row.Heading}
		for _, f := range row.Fields {
			item.Facts = append(item.Facts, c.dataFacts(w, f)...)
		}
		s.Items = append(s.Items, item)
	}
	return s
}

// dataFacts are a value in words: none of one that says nothing, and of JSON one for each value in it.
func (c *composer) dataFacts(w dataWords, f DataField) []DocumentFact {
	switch value := c.dataValue(f); {
	case value == "", value == "null", f.Column == "renewal_day" && value == "0":
		return nil
	case !strings.HasPrefix(value, "{"):
		return []DocumentFact{{w.of("columna", f.Column), value}}
	default:
		var all map[string]any
		if err := json.Unmarshal([]byte(value), &all); err != nil {
			return []DocumentFact{{w.of("columna", f.Column), value}}
		}
		return c.leaves(w, all)
	}
}

// leaves are the values in an object, and in those within it, each by its own name.
func (c *composer) leaves(w dataWords, object map[string]any) []DocumentFact {
	var all []DocumentFact
	for _, name := range slices.Sorted(maps.Keys(object)) {
		within, is := object[name].(map[string]any)
		if is {
			all = append(all, c.leaves(w, within)...)
			continue
		}
		if value := c.leaf(object[name]); value != "" {
			all = append(all, DocumentFact{w.of("columna", strings.ToLower(name)), value})
		}
	}
	return all
}

// leaf is a value of JSON that is no object.
func (c *composer) leaf(value any) string {
	switch v := value.(type) {
	case nil:
		return ""
	case bool:
		return c.dataValue(DataField{Text: strconv.FormatBool(v), Flag: true})
	case float64:
		return strconv.FormatFloat(v, 'f', -1, 64)
	case []any:
		var all []string
		for _, one := range v {
			all = append(all, c.leaf(one))
		}
		return strings.Join(all, ", ")
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return c.moment(at)
		}
		return v
	default:
		b, err := json.Marshal(v)
		return c.keep(string(b), err)
	}
}

func (c *composer) dataValue(f DataField) string {
	if born, err := time.ParseInLocation(time.DateOnly, f.Text, guayaquil()); err == nil && f.Column == "birthdate" {
		return c.date(born)
	}
	switch {
	case f.Broken:
		return c.say("datos.broken")
	case !f.At.IsZero():
		return c.moment(f.At)
	case f.Flag && f.Text == "true":
		return c.say("datos.yes")
	case f.Flag:
		return c.say("datos.no")
	default:
		return f.Text
	}
}
