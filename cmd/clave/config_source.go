package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
)

// problem is one mistake in the configuration: where it stands, what is wrong
// and what to do.
type problem struct {
	where, key, what, remedy string
}

func (p problem) String() string {
	s := p.where + ": "
	if p.key != "" {
		s += p.key + ": "
	}
	return s + p.what + "; " + p.remedy
}

// shape is how a value is written in YAML.
type shape int

const (
	scalar shape = iota
	list
	pairs
)

// entry is the value of one key, as written, with the place it stands.
type entry struct {
	where string
	text  string
	list  []string
	pairs []pair
}

type pair struct{ where, key, value string }

// maxConfig is the most a configuration file may hold, in bytes.
const maxConfig = 1 << 20

var yamlLine = regexp.MustCompile(`^yaml: (?:line (\d+): )?(.*)$`)

// reader collects the entries of one file.
type reader struct {
	file     string
	options  map[string]option
	entries  map[string]entry
	sections map[string]int // section, line
	problems []problem
}

// readYAML reads the configuration file without judging its values.
func (r *reader) readYAML(text []byte) {
	d := yaml.NewDecoder(strings.NewReader(string(text)))
	var doc, more yaml.Node
	switch err := d.Decode(&doc); {
	case errors.Is(err, io.EOF):
		r.add(1, "", "the file is empty", "begin with what clave config example prints")
		return
	case err != nil:
		r.broken(err)
		return
	}
	if err := d.Decode(&more); !errors.Is(err, io.EOF) {
		r.add(max(more.Line, 1), "", "a second document follows", "keep one document: remove the line ---")
		return
	}
	if len(doc.Content) != 1 || doc.Content[0].Kind != yaml.MappingNode {
		r.add(max(doc.Line, 1), "", "this is not a list of keys", "write key: value, as clave config example prints")
		return
	}
	r.mapping("", doc.Content[0])
}

func (r *reader) broken(err error) {
	line, what := 1, strings.TrimPrefix(err.Error(), "yaml: ")
	if m := yamlLine.FindStringSubmatch(err.Error()); m != nil {
		if n, err := strconv.Atoi(m[1]); err == nil {
			line = n
		}
		what = m[2]
	}
	r.add(line, "", "this is not YAML: "+what, "indent with spaces and quote values that hold : or #")
}

func (r *reader) add(line int, key, what, remedy string) {
	r.problems = append(r.problems, problem{fmt.Sprintf("%s:%d", r.file, line), key, what, remedy})
}

func (r *reader) mapping(prefix string, n *yaml.Node) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		key := prefix + k.Value
		if line, twice := seen[key]; twice {
			r.add(k.Line, key, fmt.Sprintf("is written twice, first in line %d", line), "keep one of them")
			continue
		}
		seen[key] = k.Line
		o, known := r.options[key]
		switch {
		case strings.Contains(k.Value, "."):
			r.add(k.Line, key, "holds a dot", "write sections as indented keys")
		case known:
			r.value(o, key, v)
		case r.section(key):
			if v.Kind == yaml.ScalarNode && v.Tag == "!!null" { // all of its keys are commented out
				continue
			}
			if v.Kind != yaml.MappingNode {
				r.add(k.Line, key, "is a section, not a value", "write its keys below it, indented: "+r.firstKey(key))
				continue
			}
			r.sections[key] = k.Line
			r.mapping(key+".", v)
		default:
			r.add(k.Line, key, "is not a key of this program", r.suggest(key))
		}
	}
}

func (r *reader) section(key string) bool {
	for name := range r.options {
		if strings.HasPrefix(name, key+".") {
			return true
		}
	}
	return false
}

func (r *reader) firstKey(section string) string {
	var names []string
	for name := range r.options {
		if rest, ok := strings.CutPrefix(name, section+"."); ok {
			names = append(names, rest)
		}
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

func (r *reader) value(o option, key string, v *yaml.Node) {
	e := entry{where: fmt.Sprintf("%s:%d", r.file, v.Line)}
	switch {
	case v.Kind == yaml.AliasNode:
		r.add(v.Line, key, "is an alias", "write the value out")
		return
	case v.Kind == yaml.ScalarNode && v.Tag == "!!null":
		r.add(v.Line, key, "has no value", "write one, or remove the line to have the default")
		return
	case o.shape == scalar && v.Kind == yaml.ScalarNode:
		e.text = v.Value
	case o.shape == list && v.Kind == yaml.SequenceNode:
		for _, item := range v.Content {
			if item.Kind != yaml.ScalarNode {
				r.add(item.Line, key, "holds something that is no plain value", "write one value a line: - "+o.sample())
				return
			}
			e.list = append(e.list, item.Value)
		}
	case o.shape == pairs && v.Kind == yaml.MappingNode:
		for i := 0; i+1 < len(v.Content); i += 2 {
			name, item := v.Content[i], v.Content[i+1]
			if name.Kind != yaml.ScalarNode || item.Kind != yaml.ScalarNode {
				r.add(item.Line, key, "holds something that is no plain value", "write "+o.sample())
				return
			}
			if slices.ContainsFunc(e.pairs, func(p pair) bool { return p.key == name.Value }) {
				r.add(name.Line, key, fmt.Sprintf("names %q twice", name.Value), "keep one of them")
				return
			}
			e.pairs = append(e.pairs, pair{fmt.Sprintf("%s:%d", r.file, item.Line), name.Value, item.Value})
		}
	default:
		r.add(v.Line, key, "is written in the wrong form", "write "+o.sample())
		return
	}
	r.entries[key] = e
}

// suggest names the known key nearest to one nobody knows.
func (r *reader) suggest(key string) string {
	best, least := "", 1+len(key)/2
	last := key[strings.LastIndex(key, ".")+1:]
	for name := range r.options {
		d := min(distance(key, name), distance(last, name[strings.LastIndex(name, ".")+1:])+1)
		if d < least || d == least && best != "" && name < best {
			best, least = name, d
		}
	}
	if best == "" {
		return "remove it; clave config example prints all keys"
	}
	return "did you mean " + best + "? Else remove it"
}

// distance is the number of letters to add, drop or change (Levenshtein). Texts
// of more than 64 letters are like nothing.
func distance(a, b string) int {
	if len(a) > 64 || len(b) > 64 {
		return 64
	}
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}

// variable is the environment variable that overrides key.
func variable(key string) string {
	return "CLAVE_" + strings.ToUpper(strings.ReplaceAll(key, ".", "_"))
}

// ofKubernetes matches what Kubernetes gives each container for every service
// beside it: CLAVE_DATABASE_PORT=tcp://… and more for one called clave-database.
var ofKubernetes = regexp.MustCompile(`^[A-Z0-9_]+_(SERVICE_HOST|SERVICE_PORT(_[A-Z0-9_]+)?|` +
	`PORT_[0-9]+_(TCP|UDP|SCTP)(_(PROTO|PORT|ADDR))?)=|^[A-Z0-9_]+_PORT=(tcp|udp|sctp)://`)

// readEnvironment lets the environment override the file. An empty variable
// counts as not set. Variables of a section of ours that name no key are
// mistakes; others that begin with CLAVE_ belong to somebody else.
func (r *reader) readEnvironment(environ []string) {
	byVariable, sections := map[string]option{}, map[string]bool{}
	for key, o := range r.options {
		byVariable[variable(key)] = o
		section, _, _ := strings.Cut(key, ".")
		sections[strings.ToUpper(section)] = true
	}
	given := map[string]entry{}
	for _, assignment := range environ {
		name, text, _ := strings.Cut(assignment, "=")
		rest, ours := strings.CutPrefix(name, "CLAVE_")
		if !ours || text == "" || ofKubernetes.MatchString(assignment) {
			continue
		}
		o, known := byVariable[name]
		if section, _, _ := strings.Cut(rest, "_"); !known && sections[section] {
			r.problems = append(r.problems, problem{
				name, "", "is not a variable of this program",
				r.suggest(strings.Replace(strings.ToLower(rest), "_", ".", 1)),
			})
		}
		if known {
			given[o.key] = o.fromText(name, text)
		}
	}
	for key, e := range given {
		r.entries[key] = e
		// A secret given here replaces its other form in the file.
		for _, other := range []string{key + "_file", strings.TrimSuffix(key, "_file")} {
			if _, both := given[other]; !both && other != key && r.options[other].key != "" {
				delete(r.entries, other)
			}
		}
	}
}

// fromText reads a value as an environment variable writes it: lists separated
// by commas, pairs as name=value.
func (o option) fromText(where, text string) entry {
	e := entry{where: where}
	switch o.shape {
	case list:
		for item := range strings.SplitSeq(text, ",") {
			e.list = append(e.list, strings.TrimSpace(item))
		}
	case pairs:
		for item := range strings.SplitSeq(text, ",") {
			name, value, _ := strings.Cut(item, "=")
			e.pairs = append(e.pairs, pair{where, strings.TrimSpace(name), strings.TrimSpace(value)})
		}
	case scalar:
		e.text = text
	}
	return e
}

// readFile returns the text of a file of at most most bytes.
func readFile(name string, most int64) ([]byte, error) {
	f, err := os.Open(name) //nolint:gosec // the operator names it
	if err != nil {
		return nil, err
	}
	defer f.Close() //nolint:errcheck // only read
	text, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(text)) > most {
		err = fmt.Errorf("%s is larger than %d MiB", name, most>>20)
	}
	return text, err
}
