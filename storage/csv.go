package storage

import (
	"bufio"
	"bytes"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode/utf8"
)

// lineMost is how many bytes a line of an imported file may have.
const lineMost = 64 << 10

// Column is a column of an imported file.
type Column struct {
	Name     string
	Required bool   // the header must have it
	Doc      string // what may stand in it
}

// ErrImportFile says that a file cannot be imported at all; its text says why.
var ErrImportFile = errors.New("storage: import")

// Refusal is a line of an imported file that was left out.
type Refusal struct {
	Line   int64 // from 1, the header being line 1
	Column string
	Reason string
}

// String is "line 7, correo: …".
func (r Refusal) String() string {
	if r.Column == "" {
		return fmt.Sprintf("line %d: %s", r.Line, r.Reason)
	}
	return fmt.Sprintf("line %d, %s: %s", r.Line, r.Column, r.Reason)
}

// lines reads a CSV file (RFC 4180, one record a line, comma or semicolon as
// the header has it) a line at a time, in memory that no file can make grow.
type lines struct {
	in      *bufio.Reader
	one     *oneLine
	csv     *csv.Reader
	columns map[string]int
	width   int
	line    int64
	read    int64 // bytes
}

// oneLine gives the csv reader one line and then says the file has ended.
type oneLine struct{ rest []byte }

// Read implements io.Reader.
func (o *oneLine) Read(p []byte) (int, error) {
	if len(o.rest) == 0 {
		return 0, io.EOF
	}
	n := copy(p, o.rest)
	o.rest = o.rest[n:]
	return n, nil
}

// record is one line that could be split; its fields are good until the next.
type record struct {
	line   int64
	fields []string
	in     *lines
}

// field returns a column's value without the spaces around it; "" where the
// file has no such column.
func (r record) field(name string) string {
	i, ok := r.in.columns[name]
	if !ok {
		return ""
	}
	return strings.TrimSpace(r.fields[i])
}

// setter takes the value of a column, or says what is wrong with it.
type setter struct {
	column string
	set    func(string) error
}

// each gives every setter its column, in order, until one does not take it: that
// is why the line is refused.
func (r record) each(setters []setter) *Refusal {
	for _, c := range setters {
		if err := c.set(r.field(c.column)); err != nil {
			return &Refusal{Line: r.line, Column: c.column, Reason: strings.TrimPrefix(err.Error(), "storage: ")}
		}
	}
	return nil
}

func newLines(r io.Reader, columns []Column) (*lines, error) {
	l := &lines{in: bufio.NewReaderSize(r, lineMost), one: &oneLine{}, columns: map[string]int{}}
	text, refused, err := l.next()
	switch {
	case errors.Is(err, io.EOF):
		return nil, fmt.Errorf("%w: the file is empty; its first line must name the columns", ErrImportFile)
	case err != nil:
		return nil, err
	case refused != "":
		return nil, fmt.Errorf("%w: the header line: %s", ErrImportFile, refused)
	}
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	l.csv = csv.NewReader(l.one)
	l.csv.FieldsPerRecord = -1
	if !bytes.ContainsRune(text, ',') && bytes.ContainsRune(text, ';') {
		l.csv.Comma = ';' // what spreadsheets write where the comma is decimal
	}
	l.one.rest = text
	names, err := l.csv.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: the header line cannot be read: %w", ErrImportFile, err)
	}
	l.csv.ReuseRecord = true
	l.width = len(names)
	for i, name := range names {
		name = strings.ToLower(strings.TrimSpace(name))
		if !slices.ContainsFunc(columns, func(c Column) bool { return c.Name == name }) {
			return nil, fmt.Errorf("%w: the header names an unknown column %q; known are %s", ErrImportFile, name, columnNames(columns))
		}
		if _, twice := l.columns[name]; twice {
			return nil, fmt.Errorf("%w: the header names %q twice", ErrImportFile, name)
		}
		l.columns[name] = i
	}
	for _, c := range columns {
		if _, ok := l.columns[c.Name]; c.Required && !ok {
			return nil, fmt.Errorf("%w: the header lacks the column %q", ErrImportFile, c.Name)
		}
	}
	return l, nil
}

func columnNames(columns []Column) string {
	var names []string
	for _, c := range columns {
		names = append(names, c.Name)
	}
	return strings.Join(names, ", ")
}

// next returns the next line without its end, or why it cannot be used.
func (l *lines) next() ([]byte, string, error) {
	text, err := l.in.ReadSlice('\n')
	l.read += int64(len(text))
	if len(text) == 0 && err != nil {
		return nil, "", err
	}
	l.line++
	if errors.Is(err, bufio.ErrBufferFull) {
		for errors.Is(err, bufio.ErrBufferFull) {
			text, err = l.in.ReadSlice('\n')
			l.read += int64(len(text))
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, "", err
		}
		return nil, fmt.Sprintf("the line is longer than %d bytes", lineMost), nil
	}
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, "", err
	}
	text = bytes.TrimSuffix(bytes.TrimSuffix(text, []byte("\n")), []byte("\r"))
	switch {
	case bytes.IndexByte(text, 0) >= 0:
		return nil, "the line contains a NUL character", nil
	case !utf8.Valid(text):
		return nil, "the line is not UTF-8; save the file as UTF-8", nil
	}
	return text, "", nil
}

// record returns the next record, or the refusal of a line that is none. Empty
// lines are passed over. The end is io.EOF.
func (l *lines) record() (record, *Refusal, error) {
	for {
		text, refused, err := l.next()
		if err != nil {
			return record{}, nil, err
		}
		if refused != "" {
			return record{}, &Refusal{Line: l.line, Reason: refused}, nil
		}
		if len(bytes.TrimSpace(text)) == 0 {
			continue
		}
		l.one.rest = text
		fields, err := l.csv.Read()
		if err != nil {
			// Whatever the reader has not taken of this line must not reach the next.
			l.one.rest = nil
			for !errors.Is(err, io.EOF) {
				_, err = l.csv.Read()
			}
			return record{}, &Refusal{Line: l.line, Reason: "a quotation mark is not closed on the same line, or stands inside an unquoted value"}, nil
		}
		if len(fields) != l.width {
			return record{}, &Refusal{Line: l.line, Reason: fmt.Sprintf("the line has %d values, the header %d", len(fields), l.width)}, nil
		}
		return record{line: l.line, fields: fields, in: l}, nil, nil
	}
}
