package templates

import (
	"strings"

	"golang.org/x/text/language"
)

// maxPreference is the longest Accept-Language, ui_locales or cookie that is looked at, in bytes.
const maxPreference = 512

// Match chooses a catalogue: the first of ui_locales (OpenID Connect Core 3.1.2.1: tags separated by spaces) that there
// is, then the cookie, then Accept-Language (RFC 9110 section 12.5.4) by weight, then es-EC. It accepts any input.
func Match(acceptLanguage, uiLocales, cookie string) string {
	if len(uiLocales) <= maxPreference {
		for _, s := range strings.Fields(uiLocales) {
			if tag, err := language.Parse(s); err == nil {
				if lang := catalogOf(tag); lang != "" {
					return lang
				}
			}
		}
	}
	for _, lang := range Languages() {
		if cookie == lang {
			return lang
		}
	}
	if len(acceptLanguage) <= maxPreference {
		if tags, _, err := language.ParseAcceptLanguage(acceptLanguage); err == nil {
			for _, tag := range tags {
				if lang := catalogOf(tag); lang != "" {
					return lang
				}
			}
		}
	}
	return Languages()[0]
}

// catalogOf is the catalogue of tag's language, whatever the region, or empty.
func catalogOf(tag language.Tag) string {
	base, confidence := tag.Base()
	if confidence < language.High {
		return ""
	}
	for _, lang := range Languages() {
		if own, _ := language.MustParse(lang).Base(); own == base {
			return lang
		}
	}
	return ""
}
