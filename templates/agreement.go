package templates

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"path"
	"sort"
	"strings"
)

// privacyVersion dates the privacy notice; change it whenever the notice's words change (LAW-04).
const privacyVersion = "2026-11-22"

// Agreement names one text of the "acuerdo del uso de clave". A version's words never change (LAW-20): new words are a
// new file in acuerdo/, and a new acceptance.
type Agreement struct {
	Version string // a date, 2006-01-02
	Hash    string // SHA-256 of the Spanish text, which is the one that binds; lower-case hex
}

// clause is a heading or a paragraph.
type clause struct {
	Heading bool
	Text    string
}

type agreementText struct {
	Agreement
	clauses map[string][]clause // by language
}

// Agreement is the version in force: the one to record when a person ticks acuerdo.
func (p *Pages) Agreement() Agreement { return p.agreements[len(p.agreements)-1].Agreement }

// AgreementVersion is an earlier or the current version, for /acuerdo/{version}; false where there never was one.
func (p *Pages) AgreementVersion(version string) (Agreement, bool) {
	for _, a := range p.agreements {
		if a.Version == version {
			return a.Agreement, true
		}
	}
	return Agreement{}, false
}

// readAgreements returns all versions, the one in force last.
func readAgreements() ([]agreementText, error) {
	names, err := fs.Glob(files, "acuerdo/*."+Languages()[0]+".txt")
	if err != nil || len(names) == 0 {
		return nil, fmt.Errorf("templates: no text of the agreement: %w", err)
	}
	sort.Strings(names)
	var all []agreementText
	for _, name := range names {
		version, _, _ := strings.Cut(path.Base(name), ".")
		a := agreementText{Agreement: Agreement{Version: version}, clauses: map[string][]clause{}}
		for _, lang := range Languages() {
			b, err := files.ReadFile("acuerdo/" + version + "." + lang + ".txt")
			if err != nil {
				return nil, fmt.Errorf("templates: agreement: %w", err)
			}
			if a.Hash == "" {
				sum := sha256.Sum256(b)
				a.Hash = hex.EncodeToString(sum[:])
			}
			a.clauses[lang] = readClauses(string(b))
		}
		all = append(all, a)
	}
	return all, nil
}

// readClauses takes each line as a paragraph, and as a heading where it begins with #.
func readClauses(s string) []clause {
	var all []clause
	for line := range strings.Lines(s) {
		line = strings.TrimSpace(line)
		if text, ok := strings.CutPrefix(line, "# "); ok {
			all = append(all, clause{Heading: true, Text: text})
		} else if line != "" {
			all = append(all, clause{Text: line})
		}
	}
	return all
}

// current is a's text, or the one in force where a is zero or unknown.
func (s *site) current(a Agreement) agreementText {
	for _, t := range s.agreements {
		if t.Version == a.Version {
			return t
		}
	}
	return s.agreements[len(s.agreements)-1]
}

func (s *site) clauses(a Agreement, lang string) []clause { return s.current(a).clauses[lang] }
