package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"
)

// Kinds of imported files, as in "clave import KIND".
const (
	ImportKindAfiliados = "afiliados"
	ImportKindHistoria  = "historia"
)

// EventImport is the audit event of a file that was imported to its end.
const EventImport = "import.finished"

// importBatch is how many lines one transaction takes: enough for the disk,
// short enough for whoever signs in meanwhile.
const importBatch = 300

// ImportOptions steers ImportAfiliados and ImportHistoria.
type ImportOptions struct {
	// Identifier normalises a cédula or código and returns its type. Required.
	// Its error says in plain words what is wrong.
	Identifier func(string) (Identifier, string, error)
	// ClaveDue says when a clave set at set must be renewed. Required where the
	// file has the column clave_phc.
	ClaveDue func(set time.Time, afiliadoID string) time.Time
	// Now is the clock. Required.
	Now func() time.Time
	// Actor is who imports, for the audit; "" means "operator".
	Actor string
	// Refused, where set, is called for every line that is left out, in order.
	// Its error stops the import.
	Refused func(Refusal) error
	// Progress, where set, is called after each batch with the bytes done, of
	// how many.
	Progress func(done, total int64)
}

// ImportReport says what became of a file's lines.
type ImportReport struct {
	Lines     int64 // without the header and empty lines
	Added     int64 // new people, or new months of history
	Updated   int64 // known ones that the file changed
	Unchanged int64 // known ones that were so already
	Refused   int64
	Resumed   int64 // the line up to which an interrupted run had come; 0: from the start
}

// importer reads the lines of one kind of file.
type importer interface {
	// parse adds the line to the batch, or refuses it.
	parse(r record) *Refusal
	// write puts the batch into the database and empties it. Lines of people
	// nobody knows are returned as refusals.
	write(ctx context.Context, tx *Tx, report *ImportReport) ([]Refusal, error)
	// drop empties the batch unwritten.
	drop()
}

// importFile imports r, of which everything up to the line noted in import_run is in
// the database already: the note is written in the transaction of its lines, so
// a run killed at any moment goes on where it was.
func (db *DB) importFile(ctx context.Context, kind string, r io.ReadSeeker, columns []Column, imp importer, opts ImportOptions) (ImportReport, error) {
	if opts.Identifier == nil || opts.Now == nil {
		return ImportReport{}, fmt.Errorf("%w: options are incomplete", ErrImportFile)
	}
	hash := sha256.New()
	total, err := io.Copy(hash, ctxReader{ctx, r})
	if err == nil {
		_, err = r.Seek(0, io.SeekStart)
	}
	if err != nil {
		return ImportReport{}, fmt.Errorf("storage: import: %w", err)
	}
	in, err := newLines(ctxReader{ctx, r}, columns)
	if err != nil {
		return ImportReport{}, err
	}
	j := importJob{db: db, kind: kind, hash: hex.EncodeToString(hash.Sum(nil)), imp: imp, opts: opts, in: in, total: total}
	if err := j.start(ctx); err != nil {
		return ImportReport{}, fmt.Errorf("storage: import %s: %w", kind, err)
	}
	err = j.lines(ctx)
	if err != nil {
		return j.report, fmt.Errorf("storage: import %s: %w", kind, err)
	}
	return j.report, nil
}

// ctxReader stops reading when the context is over.
type ctxReader struct {
	ctx context.Context //nolint:containedctx // lives as long as the call that made it
	r   io.Reader
}

// Read implements io.Reader.
func (c ctxReader) Read(p []byte) (int, error) {
	if err := c.ctx.Err(); err != nil {
		return 0, err
	}
	return c.r.Read(p)
}

type importJob struct {
	db     *DB
	kind   string
	hash   string
	imp    importer
	opts   ImportOptions
	in     *lines
	total  int64
	report ImportReport
}

// start finds out how far an interrupted run of the same file had come. One
// that refused lines of the history for want of the person starts again, for
// the person may have come since; doing a line twice changes nothing.
func (j *importJob) start(ctx context.Context) error {
	return j.db.InTx(ctx, func(tx *Tx) error {
		var rows []struct {
			Lines    int64   `db:"lines"`
			Refused  int64   `db:"refused"`
			Finished Instant `db:"finished_at"`
		}
		err := tx.list(ctx, &rows, `SELECT lines, refused, finished_at FROM import_run WHERE file_hash = ? AND kind = ?`, j.hash, j.kind)
		if err != nil {
			return err
		}
		if len(rows) == 1 && rows[0].Finished.IsZero() && (j.kind != ImportKindHistoria || rows[0].Refused == 0) {
			j.report.Resumed = rows[0].Lines
			return nil
		}
		return tx.run(ctx, `INSERT INTO import_run (file_hash, kind, lines, refused, started_at) VALUES (?, ?, 0, 0, ?)
			ON CONFLICT (file_hash, kind) DO UPDATE SET lines = 0, refused = 0, started_at = excluded.started_at, finished_at = 0`,
			j.hash, j.kind, At(j.opts.Now()))
	})
}

// lines takes the file a batch at a time. Lines that an earlier run has done
// are read again, so that the report of refusals is whole.
func (j *importJob) lines(ctx context.Context) error {
	var refusals []Refusal
	for n := 0; ; {
		r, refused, err := j.in.record()
		end := errors.Is(err, io.EOF)
		if err != nil && !end {
			return err
		}
		if !end {
			n++
			j.report.Lines++
			if refused == nil {
				refused = j.imp.parse(r)
			}
			if refused != nil {
				refusals = append(refusals, *refused)
			}
		}
		if n < importBatch && !end && j.in.line != j.report.Resumed {
			continue
		}
		if j.in.line <= j.report.Resumed && !end {
			j.imp.drop()
		} else {
			began := j.opts.Now()
			late, err := j.write(ctx, len(refusals), end)
			if err != nil {
				return err
			}
			refusals = mergeRefusals(refusals, late)
			if err := j.makeWay(ctx, j.opts.Now().Sub(began)); err != nil {
				return err
			}
		}
		if err := j.tell(refusals); err != nil || end {
			return err
		}
		n, refusals = 0, refusals[:0]
	}
}

// makeWay leaves SQLite's one writer to others for as long as a batch has held
// it: they look for it only every few milliseconds and would seldom find it free.
func (j *importJob) makeWay(ctx context.Context, took time.Duration) error {
	if j.db.dia.name != embedded.name || took <= 0 {
		return nil
	}
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(min(took, 100*time.Millisecond)):
		return nil
	}
}

// write stores one batch and how far it reaches, in one transaction.
func (j *importJob) write(ctx context.Context, refused int, end bool) ([]Refusal, error) {
	var late []Refusal
	var report ImportReport
	batch := func() error {
		return j.db.InTx(ctx, func(tx *Tx) error {
			report = j.report
			var err error
			if late, err = j.imp.write(ctx, tx, &report); err != nil {
				return err
			}
			var finished Instant
			if end {
				finished = At(j.opts.Now())
				if err := tx.Audit(ctx, j.event(finished, report.Refused+int64(refused+len(late)))); err != nil {
					return err
				}
			}
			return tx.run(ctx, `UPDATE import_run SET lines = ?, refused = refused + ?, finished_at = ? WHERE file_hash = ? AND kind = ?`,
				j.in.line, refused+len(late), finished, j.hash, j.kind)
		})
	}
	err := batch()
	for tries := 0; errors.Is(err, ErrConflict) && tries < 3; tries++ {
		err = batch() // another import has just added one of these people
	}
	if err != nil {
		return nil, err
	}
	j.report = report
	j.imp.drop()
	return late, nil
}

func (j *importJob) event(at Instant, refused int64) Event {
	actor := j.opts.Actor
	if actor == "" {
		actor = "operator"
	}
	return Event{At: at, Name: EventImport, Actor: actor, Detail: map[string]string{
		"kind": j.kind, "file_sha256": j.hash, "lines": strconv.FormatInt(j.report.Lines, 10), "refused": strconv.FormatInt(refused, 10),
	}}
}

func (j *importJob) tell(refusals []Refusal) error {
	j.report.Refused += int64(len(refusals))
	if j.opts.Refused != nil {
		for _, r := range refusals {
			if err := j.opts.Refused(r); err != nil {
				return err
			}
		}
	}
	if j.opts.Progress != nil {
		j.opts.Progress(j.in.read, j.total)
	}
	return nil
}

// mergeRefusals keeps the report in the order of the lines.
func mergeRefusals(a, b []Refusal) []Refusal {
	out := make([]Refusal, 0, len(a)+len(b))
	for len(a) > 0 || len(b) > 0 {
		if len(b) == 0 || len(a) > 0 && a[0].Line < b[0].Line {
			out, a = append(out, a[0]), a[1:]
		} else {
			out, b = append(out, b[0]), b[1:]
		}
	}
	return out
}
