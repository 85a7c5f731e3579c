// Verifies a log on disk, laid out as c2sp.org/tlog-tiles says, with Go's own implementation of notes and trees.
//
//	verify <directory> <log's verifier key> <witness's verifier key>...
//
// Every file checkpoint.<size> must be a checkpoint of the log with a cosignature of each witness; every record of the
// largest tree must be what the tree holds; Go's proofs and those in proof/ must be the same and lead to the roots.
// Prints what was looked at, and ends with 1 at the first thing that is not as it must be.
package main

import (
	"crypto/ed25519"
	"crypto/sha256"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"os"
	"path/filepath"
	"sort"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height, width = 8, 1 << 8

func main() {
	log := &onDisk{root: os.Args[1], tiles: map[tlog.Tile][]byte{}}
	trees := checkpoints(log.root, os.Args[2], os.Args[3:])
	largest := trees[len(trees)-1]
	leaves := records(log, largest)
	proofs := standing(log, largest, leaves)
	pairs := 0
	for i, old := range trees {
		for _, tree := range trees[i:] {
			proof, err := tlog.ProveTree(tree.N, old.N, log.of(tree))
			try(err)
			try(tlog.CheckTree(proof, tree.N, tree.Hash, old.N, old.Hash))
			same(proof, given(log.root, fmt.Sprintf("%d-%d.consistency", old.N, tree.N)))
			pairs++
		}
	}
	inclusions := 0
	for _, tree := range trees {
		for n := range spread(tree.N, tree == largest) {
			proof, err := tlog.ProveRecord(tree.N, n, log.of(tree))
			try(err)
			try(tlog.CheckRecord(proof, tree.N, tree.Hash, n, leaves[n]))
			inclusions++
		}
	}
	fmt.Printf("checkpoints=%d records=%d inclusions=%d pairs=%d proofs=%d\n",
		len(trees), len(leaves), inclusions, pairs, proofs)
}

// checkpoints opens every checkpoint there is; the smallest tree comes first.
func checkpoints(root, key string, witnesses []string) []tlog.Tree {
	log, err := note.NewVerifier(key)
	try(err)
	known := []note.Verifier{log}
	for _, one := range witnesses {
		known = append(known, newWitness(one))
	}
	var trees []tlog.Tree
	for _, name := range glob(filepath.Join(root, "checkpoint.*")) {
		opened, err := note.Open(read(name), note.VerifierList(known...))
		try(err)
		if len(opened.Sigs) != len(known) || len(opened.UnverifiedSigs) != 0 {
			fail("%s: signatures are missing, or of nobody known", name)
		}
		lines := strings.Split(opened.Text, "\n")
		if len(lines) != 4 || lines[0] != log.Name() || lines[3] != "" {
			fail("%s: not a checkpoint of %s", name, log.Name())
		}
		size, err := strconv.ParseInt(lines[1], 10, 64)
		try(err)
		hash, err := tlog.ParseHash(lines[2])
		try(err)
		if filepath.Ext(name) != "."+lines[1] {
			fail("%s is of size %d", name, size)
		}
		trees = append(trees, tlog.Tree{N: size, Hash: hash})
	}
	sort.Slice(trees, func(i, j int) bool { return trees[i].N < trees[j].N })
	return trees
}

// records reads every entry bundle and holds its entries against the tree; it gives their hashes.
func records(log *onDisk, tree tlog.Tree) []tlog.Hash {
	var leaves []tlog.Hash
	for first := int64(0); first < tree.N; first += width {
		entries := log.entries(first/width, min(width, tree.N-first))
		var places []int64
		for i, entry := range entries {
			places = append(places, tlog.StoredHashIndex(0, first+int64(i)))
			leaves = append(leaves, tlog.RecordHash(entry))
		}
		held, err := log.of(tree).ReadHashes(places)
		try(err)
		same(held, leaves[first:])
	}
	return leaves
}

// standing verifies every proof/<index>.tlog-proof: it is Go's own, and the checkpoint in it is the largest one.
func standing(log *onDisk, tree tlog.Tree, leaves []tlog.Hash) int {
	names := glob(filepath.Join(log.root, "proof", "*.tlog-proof"))
	checkpoint := string(read(filepath.Join(log.root, fmt.Sprintf("checkpoint.%d", tree.N))))
	for _, name := range names {
		n, err := strconv.ParseInt(strings.TrimSuffix(filepath.Base(name), ".tlog-proof"), 10, 64)
		try(err)
		head := fmt.Sprintf("c2sp.org/tlog-proof@v1\nindex %d\n", n)
		text := string(read(name))
		if !strings.HasPrefix(text, head) || !strings.HasSuffix(text, "\n"+checkpoint) {
			fail("%s: not a proof of entry %d in the tree of %d", name, n, tree.N)
		}
		given := hashes(text[len(head) : len(text)-len(checkpoint)-1])
		try(tlog.CheckRecord(given, tree.N, tree.Hash, n, leaves[n]))
		proof, err := tlog.ProveRecord(tree.N, n, log.of(tree))
		try(err)
		same(proof, given)
	}
	return len(names)
}

// given is a proof of consistency, one hash a line.
func given(root, name string) tlog.TreeProof {
	return tlog.TreeProof(hashes(string(read(filepath.Join(root, "proof", name)))))
}

func hashes(lines string) []tlog.Hash {
	var found []tlog.Hash
	for _, line := range strings.SplitAfter(lines, "\n") {
		if line != "" {
			hash, err := tlog.ParseHash(strings.TrimSuffix(line, "\n"))
			try(err)
			found = append(found, hash)
		}
	}
	return found
}

// spread names records: those beside every power of two, and when `all` those beside the edges of tiles and
// 1,024 over the whole range.
func spread(size int64, all bool) map[int64]bool {
	found := map[int64]bool{}
	add := func(around int64) {
		for n := around - 1; n <= around+1; n++ {
			if 0 <= n && n < size {
				found[n] = true
			}
		}
	}
	for power := int64(1); power <= size; power *= 2 {
		add(power)
		add(size - power)
	}
	if all {
		for tile := int64(0); tile <= size; tile += width {
			add(tile)
		}
		for i := int64(0); i < 1024; i++ {
			found[i*size/1024] = true
		}
	}
	return found
}

// onDisk reads tiles of height 8 from where c2sp.org/tlog-tiles puts them: Go's own paths have the height in them too.
type onDisk struct {
	root  string
	tiles map[tlog.Tile][]byte
}

func (log *onDisk) of(tree tlog.Tree) tlog.HashReader { return tlog.TileHashReader(tree, log) }
func (log *onDisk) Height() int                       { return height }
func (log *onDisk) SaveTiles([]tlog.Tile, [][]byte)   {}
func (log *onDisk) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	data := make([][]byte, len(tiles))
	for i, tile := range tiles {
		if log.tiles[tile] == nil {
			log.tiles[tile] = read(filepath.Join(log.root, "tile", strings.TrimPrefix(tile.Path(), "tile/8/")))
		}
		data[i] = log.tiles[tile]
	}
	return data, nil
}

// entries are those of a bundle, each after its length in two bytes.
func (log *onDisk) entries(n, w int64) [][]byte {
	path := tlog.Tile{H: height, L: 0, N: n, W: int(w)}.Path()
	data := read(filepath.Join(log.root, "tile", "entries", strings.TrimPrefix(path, "tile/8/0/")))
	var found [][]byte
	for len(data) > 0 {
		if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
			fail("bundle %d ends in the middle of an entry", n)
		}
		end := 2 + int(binary.BigEndian.Uint16(data))
		found = append(found, data[2:end])
		data = data[end:]
	}
	if int64(len(found)) != w {
		fail("bundle %d has %d entries, not %d", n, len(found), w)
	}
	return found
}

// A witness signs with the time (c2sp.org/tlog-cosignature), which Go's package leaves to others.
type witness struct {
	name string
	hash uint32
	key  ed25519.PublicKey
}

func newWitness(key string) *witness {
	parts := strings.SplitN(key, "+", 3)
	hash, err := strconv.ParseUint(parts[1], 16, 32)
	try(err)
	data, err := base64.StdEncoding.Strict().DecodeString(parts[2])
	try(err)
	sum := sha256.Sum256(append([]byte(parts[0]+"\n"), data...))
	if len(data) != 33 || data[0] != 4 || binary.BigEndian.Uint32(sum[:]) != uint32(hash) {
		fail("not the key of a witness: %s", key)
	}
	return &witness{parts[0], uint32(hash), data[1:]}
}

func (by *witness) Name() string    { return by.name }
func (by *witness) KeyHash() uint32 { return by.hash }
func (by *witness) Verify(text, signature []byte) bool {
	if len(signature) != 72 {
		return false
	}
	head := fmt.Sprintf("cosignature/v1\ntime %d\n", binary.BigEndian.Uint64(signature))
	return ed25519.Verify(by.key, append([]byte(head), text...), signature[8:])
}

func same(a, b []tlog.Hash) {
	equal := len(a) == len(b)
	for i := 0; equal && i < len(a); i++ {
		equal = a[i] == b[i]
	}
	if !equal {
		fail("hashes that must be the same are not")
	}
}

func min(a, b int64) int64 {
	if a < b {
		return a
	}
	return b
}

func glob(pattern string) []string {
	names, err := filepath.Glob(pattern)
	try(err)
	return names
}

func read(name string) []byte {
	data, err := os.ReadFile(name)
	try(err)
	return data
}

func try(err error) {
	if err != nil {
		fail("%v", err)
	}
}

func fail(format string, arguments ...interface{}) {
	fmt.Fprintf(os.Stderr, format+"\n", arguments...)
	os.Exit(1)
}
