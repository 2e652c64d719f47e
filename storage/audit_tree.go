package storage

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"golang.org/x/mod/sumdb/tlog"
)

func sortHeads(heads []head) {
	slices.SortStableFunc(heads, func(a, b head) int { return cmp.Compare(a.size, b.size) })
}

// auditTree recomputes the log from its leaves and compares each node with the
// stored one. It holds the complete subtrees of the present size and one batch
// of stored nodes.
//
// Where the two differ, what lies above decides: the parent's stored hash fits
// either the stored child (then what lies below it was changed) or the computed
// one (then the child node itself was edited).
type auditTree struct {
	size  int64
	found func(auditID, leaf int64, problem string)
	stack []subtree // complete subtrees, largest first
	nodes map[int64]tlog.Hash
	until int64 // nodes holds the stored ones up to here
}

type subtree struct {
	level    int
	index    int64 // among those of its level
	auditID  int64 // of a leaf
	stored   tlog.Hash
	computed tlog.Hash
}

func (s subtree) suspect() bool { return s.stored != s.computed }

// load reads the stored nodes that the next leaf completes.
func (t *auditTree) load(ctx context.Context, r reads) error {
	need := tlog.StoredHashCount(t.size + 1)
	if need <= t.until {
		return nil
	}
	from := tlog.StoredHashCount(t.size)
	t.until = tlog.StoredHashCount(t.size + verifyBatch)
	var rows []auditNode
	if err := r.list(ctx, &rows, `SELECT id, hash FROM audit_node WHERE id >= ? AND id < ? ORDER BY id`, from, t.until); err != nil {
		return err
	}
	t.nodes = make(map[int64]tlog.Hash, len(rows))
	for _, row := range rows {
		if len(row.Hash) == tlog.HashSize {
			t.nodes[row.ID] = tlog.Hash(row.Hash)
		}
	}
	return nil
}

// add appends a leaf; computed is nil where its row is gone.
func (t *auditTree) add(computed *tlog.Hash, auditID int64) {
	leaf := subtree{index: t.size, auditID: auditID}
	var ok bool
	leaf.stored, ok = t.nodes[tlog.StoredHashIndex(0, t.size)]
	switch {
	case computed == nil:
		leaf.computed = leaf.stored
	case !ok:
		t.found(auditID, t.size, fmt.Sprintf("node %d, the hash of the row, is missing", tlog.StoredHashIndex(0, t.size)))
		leaf.stored, leaf.computed = *computed, *computed
	default:
		leaf.computed = *computed
	}
	t.size++
	t.stack = append(t.stack, leaf)
	for n := len(t.stack); n >= 2 && t.stack[n-1].level == t.stack[n-2].level; n = len(t.stack) {
		t.stack = append(t.stack[:n-2], t.merge(t.stack[n-2], t.stack[n-1]))
	}
}

func (t *auditTree) merge(l, r subtree) subtree {
	p := subtree{level: l.level + 1, index: l.index / 2}
	p.computed = tlog.NodeHash(l.stored, r.stored)
	id := tlog.StoredHashIndex(p.level, p.index)
	var ok bool
	if p.stored, ok = t.nodes[id]; !ok {
		t.found(0, -1, fmt.Sprintf("node %d is missing", id))
		p.stored = p.computed
	}
	for _, try := range []struct{ l, r tlog.Hash }{{l.stored, r.stored}, {l.computed, r.computed}, {l.computed, r.stored}, {l.stored, r.computed}} {
		if tlog.NodeHash(try.l, try.r) == p.stored {
			t.decide(l, try.l)
			t.decide(r, try.r)
			p.computed = p.stored
			return p
		}
	}
	t.decide(l, l.stored)
	t.decide(r, r.stored)
	return p
}

// decide says what is wrong with a suspect subtree once its true hash is known.
func (t *auditTree) decide(s subtree, truth tlog.Hash) {
	first := s.index << s.level
	switch {
	case !s.suspect():
	case truth == s.computed:
		t.found(s.auditID, t.leafOf(s), fmt.Sprintf("node %d was changed; the rows below it were not", tlog.StoredHashIndex(s.level, s.index)))
	case s.level == 0:
		t.found(s.auditID, s.index, "the row was changed")
	default:
		t.found(0, -1, fmt.Sprintf("a leaf from %d to %d was changed together with its nodes", first, first+1<<s.level-1))
	}
}

func (t *auditTree) leafOf(s subtree) int64 {
	if s.level == 0 {
		return s.index
	}
	return -1
}

// settle compares the root with a signed one and reports whether it holds for
// what is stored or, where that is suspect, for what was computed.
func (t *auditTree) settle(signed tlog.Hash) bool {
	if t.root(func(s subtree) tlog.Hash { return s.stored }) == signed {
		t.finish()
		return true
	}
	if t.root(func(s subtree) tlog.Hash { return s.computed }) == signed {
		for i, s := range t.stack {
			t.decide(s, s.computed)
			t.stack[i].stored = s.computed
		}
		return true
	}
	return false
}

// finish decides what no parent will decide any more.
func (t *auditTree) finish() {
	for i, s := range t.stack {
		t.decide(s, s.stored)
		t.stack[i].computed = s.stored
	}
}

// root is the tree's hash (RFC 6962 section 2.1).
func (t *auditTree) root(of func(subtree) tlog.Hash) tlog.Hash {
	n := len(t.stack)
	h := of(t.stack[n-1])
	for i := n - 2; i >= 0; i-- {
		h = tlog.NodeHash(of(t.stack[i]), h)
	}
	return h
}
