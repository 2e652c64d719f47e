package templates

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"
	"time"

	"github.com/nicksnyder/go-i18n/v2/i18n"
	"golang.org/x/text/language"
)

// catalog is the sentences of one language.
type catalog struct {
	localizer *i18n.Localizer
	keys      map[string]bool
	plain     map[string]string // sentences with nothing to fill in or to count
}

func readCatalogs() (map[string]*catalog, error) {
	bundle := i18n.NewBundle(language.MustParse(Languages()[0]))
	all := map[string]*catalog{}
	for _, lang := range Languages() {
		file, err := bundle.LoadMessageFileFS(files, "catalog/"+lang+".json")
		if err != nil {
			return nil, fmt.Errorf("templates: %w", err)
		}
		c := &catalog{keys: map[string]bool{}, plain: map[string]string{}}
		for _, m := range file.Messages {
			c.keys[m.ID] = true
			if m.One == "" && !strings.Contains(m.Other, "{{") {
				c.plain[m.ID] = m.Other
			}
		}
		all[lang] = c
	}
	for lang, c := range all {
		c.localizer = i18n.NewLocalizer(bundle, lang)
	}
	return all, nil
}

func (c *catalog) has(key string) bool { return c.keys[key] }

// known is prefix+value where the catalogue has words for it, and prefix+fallback otherwise.
func (c *catalog) known(prefix, value, suffix, fallback string) string {
	if c.has(prefix + value + suffix) {
		return prefix + value + suffix
	}
	return prefix + fallback + suffix
}

// text is the sentence of key with the named values, given in pairs, filled in.
func (c *catalog) text(key string, pairs ...any) (string, error) {
	return c.localize(key, nil, pairs, func(v any) any { return v })
}

// markup is like text for a sentence that holds tags. Values are escaped, and so cannot bring any.
func (c *catalog) markup(key string, pairs ...any) (template.HTML, error) {
	s, err := c.localize(key, nil, pairs, func(v any) any { return template.HTMLEscapeString(fmt.Sprint(v)) })
	return template.HTML(s), err //nolint:gosec // the sentence is ours, the values are escaped
}

// plural is like text for a sentence that counts; the number is named Count.
func (c *catalog) plural(key string, count int, pairs ...any) (string, error) {
	return c.localize(key, count, append(pairs, "Count", count), func(v any) any { return v })
}

func (c *catalog) localize(key string, count any, pairs []any, value func(any) any) (string, error) {
	if s, ok := c.plain[key]; ok {
		return s, nil
	}
	if !c.has(key) {
		return "", fmt.Errorf("templates: no sentence %q", key)
	}
	data := make(map[string]any, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		data[fmt.Sprint(pairs[i])] = value(pairs[i+1])
	}
	s, err := c.localizer.Localize(&i18n.LocalizeConfig{MessageID: key, TemplateData: data, PluralCount: count})
	if err != nil {
		return "", fmt.Errorf("templates: sentence %q: %w", key, err)
	}
	return s, nil
}

// number is n in words where people would write it so.
func (c *catalog) number(n int) (string, error) {
	if key := "number." + strconv.Itoa(n); c.has(key) {
		return c.text(key)
	}
	return strconv.Itoa(n), nil
}

// date is the day of t in continental Ecuador.
func (c *catalog) date(t time.Time) (string, error) {
	t = t.In(guayaquil())
	month, err := c.text("month." + strconv.Itoa(int(t.Month())))
	if err != nil {
		return "", err
	}
	return c.text("date", "Day", t.Day(), "Month", month, "Year", t.Year())
}

// weekday is the day of t as a heading: Viernes, 20 de noviembre de 2026.
func (c *catalog) weekday(t time.Time) (string, error) {
	day, err := c.date(t)
	if err != nil {
		return "", err
	}
	name, err := c.text("weekday." + strconv.Itoa(int(t.In(guayaquil()).Weekday())))
	if err != nil {
		return "", err
	}
	return c.text("weekday", "Weekday", name, "Date", day)
}

// clock is the time of day of t in continental Ecuador: 15:30.
func clock(t time.Time) string { return t.In(guayaquil()).Format("15:04") }

// at is the clock time of t as one says when: a las 15:30.
func (c *catalog) at(t time.Time) (string, error) { return c.hour("clock.at", "clock.at.1", t) }

// the is the clock time of t as one says from or until when: las 15:30.
func (c *catalog) the(t time.Time) (string, error) { return c.hour("clock.the", "clock.the.1", t) }

func (c *catalog) hour(key, one string, t time.Time) (string, error) {
	if t.In(guayaquil()).Hour() == 1 { // a la 01:05
		key = one
	}
	return c.text(key, "Clock", clock(t))
}

// moment is the day and the clock time of t.
func (c *catalog) moment(t time.Time) (string, error) {
	day, err := c.date(t)
	if err != nil {
		return "", err
	}
	return c.text("moment", "Date", day, "Clock", clock(t))
}

// span is d in whole minutes, hours or days, rounded up.
func (c *catalog) span(d time.Duration) (string, error) {
	switch {
	case d > 48*time.Hour:
		return c.plural("span.days", int((d+24*time.Hour-1)/(24*time.Hour)))
	case d >= 2*time.Hour || d == time.Hour:
		return c.plural("span.hours", int((d+time.Hour-1)/time.Hour))
	default:
		return c.plural("span.minutes", max(1, int((d+time.Minute-1)/time.Minute)))
	}
}

// wait says for how long to wait, in seconds or, from two minutes on, in minutes, never less than d.
func (c *catalog) wait(d time.Duration) (string, error) {
	if d <= 2*time.Minute {
		return c.plural("wait.seconds", max(1, int((d+time.Second-1)/time.Second)))
	}
	return c.plural("wait.minutes", int((d+time.Minute-1)/time.Minute))
}

// conjoin joins parts as one does in a sentence.
func (c *catalog) conjoin(parts []string) (string, error) {
	if len(parts) < 2 {
		return strings.Join(parts, ""), nil
	}
	last := len(parts) - 1
	return c.text("conjoin", "Most", strings.Join(parts[:last], ", "), "Last", parts[last])
}
