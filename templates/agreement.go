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
const privacyVersion = "2026-11-23"

// The folders of the texts people accept.
const (
	acuerdo     = "acuerdo"     // "acuerdo del uso de clave" (S088)
	declaracion = "declaracion" // "Declaración de información fidedigna" (S036)
)

// Agreement names one version of a text people accept: the "acuerdo del uso de clave" or the "Declaración de información
// fidedigna". A version's words never change (LAW-20): new words are a new file in its folder, and a new acceptance.
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
func (p *Pages) Agreement() Agreement { return p.agreements[acuerdo].current(Agreement{}).Agreement }

// AgreementVersion is an earlier or the current version, for /acuerdo/{version}; false where there never was one.
func (p *Pages) AgreementVersion(version string) (Agreement, bool) {
	return p.agreements[acuerdo].version(version)
}

// Declaration is the version in force: the one to record when a person ticks declaracion.
func (p *Pages) Declaration() Agreement {
	return p.agreements[declaracion].current(Agreement{}).Agreement
}

// DeclarationVersion is as AgreementVersion, for /declaracion/{version}.
func (p *Pages) DeclarationVersion(version string) (Agreement, bool) {
	return p.agreements[declaracion].version(version)
}

// versions are those of one text, the one in force last.
type versions []agreementText

// current is a's text, or the one in force where a is zero or unknown.
func (v versions) current(a Agreement) agreementText {
	for _, t := range v {
		if t.Version == a.Version {
			return t
		}
	}
	return v[len(v)-1]
}

func (v versions) version(version string) (Agreement, bool) {
	t := v.current(Agreement{Version: version})
	if t.Version != version {
		return Agreement{}, false
	}
	return t.Agreement, true
}

// readAgreements returns all versions of all texts, by folder.
func readAgreements() (map[string]versions, error) {
	all := map[string]versions{}
	for _, folder := range []string{acuerdo, declaracion} {
		names, err := fs.Glob(files, folder+"/*."+Languages()[0]+".txt")
		if err != nil || len(names) == 0 {
			return nil, fmt.Errorf("templates: no text in %s: %w", folder, err)
		}
		sort.Strings(names)
		for _, name := range names {
			version, _, _ := strings.Cut(path.Base(name), ".")
			a, err := readAgreement(folder, version)
			if err != nil {
				return nil, err
			}
			all[folder] = append(all[folder], a)
		}
	}
	return all, nil
}

func readAgreement(folder, version string) (agreementText, error) {
	a := agreementText{Agreement: Agreement{Version: version}, clauses: map[string][]clause{}}
	for _, lang := range Languages() {
		b, err := files.ReadFile(folder + "/" + version + "." + lang + ".txt")
		if err != nil {
			return agreementText{}, fmt.Errorf("templates: agreement: %w", err)
		}
		if a.Hash == "" {
			sum := sha256.Sum256(b)
			a.Hash = hex.EncodeToString(sum[:])
		}
		a.clauses[lang] = readClauses(string(b))
	}
	return a, nil
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
