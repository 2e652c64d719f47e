package mailbox

import (
	"bytes"
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"
)

// letter is a message to one address, as lists show it.
type letter struct {
	ID        string // in addresses of pages
	To        string
	From      string
	Subject   string
	MessageID string
	At        time.Time // when it came; a repeat, when that came
	Copies    int       // how often it came
	file      string    // of the last copy
}

// store is the folder, and what lists need of the messages in it. A message that
// comes again with its Message-ID is another file and the same letter.
type store struct {
	dir string

	mu      sync.Mutex
	letters map[string]*letter
}

// fileTime is how names of files begin, so that they sort by time.
const fileTime = "20060102T150405.000000Z"

func openStore(dir string, log *slog.Logger) (*store, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("mailbox: folder: %w", err)
	}
	entries, err := os.ReadDir(dir) // sorted by name, and so by time
	if err != nil {
		return nil, fmt.Errorf("mailbox: folder: %w", err)
	}
	s := &store{dir: dir, letters: map[string]*letter{}}
	for _, e := range entries {
		if !e.Type().IsRegular() || filepath.Ext(e.Name()) != ".eml" {
			continue
		}
		raw, err := os.ReadFile(filepath.Join(dir, e.Name())) //nolint:gosec // the folder is the user's choice
		if err != nil {
			return nil, fmt.Errorf("mailbox: %w", err)
		}
		at, err := time.Parse(fileTime, e.Name()[:min(len(fileTime), len(e.Name()))])
		if err != nil {
			if info, err := e.Info(); err == nil {
				at = info.ModTime()
			}
		}
		c, err := parse(raw)
		if err != nil {
			log.LogAttrs(context.Background(), slog.LevelWarn, "mailbox: not a message", slog.String("file", e.Name()))
			continue
		}
		s.note(e.Name(), c, raw, at)
	}
	return s, nil
}

// add keeps a message. When it returns nil, the message lies in the folder, whole.
func (s *store) add(from, to string, raw []byte, at time.Time) error {
	// Final delivery notes the envelope (RFC 5321 section 4.4).
	head := fmt.Sprintf("Return-Path: <%s>\r\nDelivered-To: %s\r\nReceived: by localhost; %s\r\n", oneLine(from), oneLine(to), at.UTC().Format(time.RFC1123Z))
	whole := append([]byte(head), raw...)
	c, err := parse(whole)
	if err != nil { // no head that could be read: the whole is its text
		whole = append([]byte(head+"\r\n"), raw...)
		if c, err = parse(whole); err != nil {
			return err
		}
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	name, err := s.write(at.UTC().Format(fileTime)+"-"+plain(c.messageID), whole)
	if err != nil {
		return err
	}
	s.note(name, c, whole, at)
	return nil
}

// write makes a file all at once and returns its name, which begins with stem.
func (s *store) write(stem string, whole []byte) (string, error) {
	f, err := os.CreateTemp(s.dir, ".in-*")
	if err != nil {
		return "", fmt.Errorf("mailbox: %w", err)
	}
	_, err = f.Write(whole)
	if err == nil {
		err = f.Sync()
	}
	err = errors.Join(err, f.Close())
	name := stem + ".eml"
	for n := 2; err == nil; n++ {
		// A link, unlike a new name, never takes the place of another file.
		err = os.Link(f.Name(), filepath.Join(s.dir, name))
		if !errors.Is(err, fs.ErrExist) {
			break
		}
		name, err = fmt.Sprintf("%s-%d.eml", stem, n), nil
	}
	if err = errors.Join(err, os.Remove(f.Name())); err != nil {
		return "", fmt.Errorf("mailbox: %w", err)
	}
	return name, nil
}

// note remembers the message in the file.
func (s *store) note(name string, c content, raw []byte, at time.Time) {
	key := c.messageID
	if key == "" {
		key = string(raw)
	}
	sum := sha256.Sum256([]byte(c.to + "\n" + key))
	id := hex.EncodeToString(sum[:12])
	l := &letter{ID: id, To: c.to, From: c.from, Subject: c.subject, MessageID: c.messageID, At: at, Copies: 1, file: name}
	if before := s.letters[id]; before != nil {
		l.Copies += before.Copies
	}
	s.letters[id] = l
}

// all are the letters to an address, "" for any, newest first.
func (s *store) all(to string) []letter {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []letter
	for _, l := range s.letters {
		if to == "" || l.To == to {
			out = append(out, *l)
		}
	}
	slices.SortFunc(out, func(a, b letter) int { return cmp.Or(b.At.Compare(a.At), cmp.Compare(b.file, a.file)) })
	return out
}

// read returns a letter and the file of its last copy; fs.ErrNotExist where
// there is no such letter.
func (s *store) read(id string) (letter, []byte, error) {
	s.mu.Lock()
	l := s.letters[id]
	s.mu.Unlock()
	if l == nil {
		return letter{}, nil, fs.ErrNotExist
	}
	raw, err := os.ReadFile(filepath.Join(s.dir, l.file))
	if err != nil {
		return letter{}, nil, fmt.Errorf("mailbox: %w", err)
	}
	return *l, raw, nil
}

// plain is s as a part of a file name.
func plain(s string) string {
	s = strings.Map(func(r rune) rune {
		if 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("@_-", r) || r == '.' {
			return r
		}
		return '_'
	}, s)
	if s == "" {
		return "sin-identificador"
	}
	return s[:min(len(s), 100)]
}

// oneLine is s without what would begin another line of a head.
func oneLine(s string) string {
	return string(bytes.Map(func(r rune) rune {
		if r < ' ' || r == 0x7f {
			return -1
		}
		return r
	}, []byte(s)))
}
