# SPDX-License-Identifier: Apache-2.0
"""A file system that forgets what nobody synced: what a power cut may leave of a folder.

    with losing_disk.Disk(folder) as disk:      # disk.path is mounted
        disk.record()                           # from here on, the states that a cut could leave are kept
        ...
        states = disk.stop()                    # one before each sync and each move of a name, and the last one
        states[3].write(folder, None)           # only what was synced is there
        states[3].write(folder, random)         # of the rest, each page and each name may be there or not

It promises as little as POSIX does. fsync of a file keeps its bytes, not its name; fsync of a folder keeps the
names in it as they are then. All lives in memory; FUSE calls it from the kernel."""
import errno
import os
import pickle
import stat
import subprocess
import sys
import tempfile
import threading
import time

PAGE = 4096


class Node:
    """A file, folder, symbolic link or socket. `kept` is what a power cut leaves: bytes, or names."""

    def __init__(self, mode):
        self.mode, self.links, self.time = mode, 1, time.time()
        self.kept = {} if stat.S_ISDIR(mode) else b""
        self.now = {} if stat.S_ISDIR(mode) else bytearray()
        self.frozen = None  # the bytes now, for states; None: changed since

    def bytes(self):
        if self.frozen is None:
            self.frozen = bytes(self.now)
        return self.frozen

    def sync(self):
        self.kept = dict(self.now) if stat.S_ISDIR(self.mode) else self.bytes()


class State:
    """Everything at one moment, as [(mode, kept, now)] by number; the root is number 0."""

    def __init__(self, what, nodes):
        self.what, self.nodes = what, nodes

    @classmethod
    def of(cls, root, what):
        nodes, numbers, queue = [], {id(root): 0}, [root]
        for node in queue:  # which grows
            if not stat.S_ISDIR(node.mode):
                nodes.append((node.mode, node.kept, node.bytes()))
                continue
            sides = []
            for names in (node.kept, node.now):
                for child in names.values():
                    if id(child) not in numbers:
                        numbers[id(child)] = len(queue)
                        queue.append(child)
                sides.append({name: numbers[id(child)] for name, child in names.items()})
            nodes.append((node.mode, *sides))
        return cls(what, nodes)

    @staticmethod
    def _bytes(kept, now, chance):
        if not chance or kept == now:
            return kept
        length = chance.choice((len(kept), len(now)))
        pages = (chance.choice((kept, now))[at:at + PAGE].ljust(PAGE, b"\0") for at in range(0, length, PAGE))
        return b"".join(pages)[:length]

    def write(self, folder, chance, number=0):
        """Makes the folder that a power cut leaves now."""
        os.makedirs(folder, exist_ok=True)
        _, kept, now = self.nodes[number]
        for name in sorted(set(kept) | set(now)):
            child = (chance.choice((kept, now)) if chance else kept).get(name)
            if child is None:
                continue
            mode, old, new = self.nodes[child]
            path = os.path.join(folder, name)
            if stat.S_ISDIR(mode):
                self.write(path, chance, child)
            elif stat.S_ISLNK(mode):
                os.symlink(new, path)
            elif stat.S_ISREG(mode):
                with open(path, "wb") as f:
                    f.write(self._bytes(old, new, chance))
                os.chmod(path, stat.S_IMODE(mode))


class Disk:
    """The file system, served by a process of its own."""

    def __init__(self, path):
        self.path = str(path)
        os.makedirs(self.path, exist_ok=True)
        self.complaints = tempfile.TemporaryFile()
        self.process = subprocess.Popen([sys.executable, os.path.abspath(__file__), self.path], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=self.complaints)
        if self.process.stdout.readline() != b"ready\n":
            self.complaints.seek(0)
            raise OSError("no FUSE here: " + self.complaints.read().decode())

    def _ask(self, word):
        self.process.stdin.write(word + b"\n")
        self.process.stdin.flush()
        return pickle.load(self.process.stdout)

    def record(self):
        self._ask(b"record")

    def stop(self):
        return [State(what, nodes) for what, nodes in self._ask(b"stop")]

    def __enter__(self):
        return self

    def __exit__(self, *_):
        subprocess.run(["umount", "-l", self.path], check=False)
        self.process.kill()  # nothing outlives it; what still has a file of it open does not keep it
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()


def serve(path):
    import fusepy as fuse

    class Files(fuse.Operations):
        def __init__(self):
            self.root = Node(stat.S_IFDIR | 0o755)
            self.open_files, self.next, self.states, self.recording = {}, 1, [], False
            self.mutex = threading.RLock()

        def __call__(self, name, *arguments):
            with self.mutex:
                return super().__call__(name, *arguments)

        def init(self, _path):
            print("ready", flush=True)

        def _note(self, what):
            if self.recording:
                self.states.append(State.of(self.root, what))

        def _find(self, path):
            node = self.root
            for name in path.split("/"):
                if name:
                    node = node.now.get(name) if stat.S_ISDIR(node.mode) else None
                    if node is None:
                        raise fuse.FuseOSError(errno.ENOENT)
            return node

        def _place(self, path):
            folder, name = os.path.split(path)
            return self._find(folder).now, name

        def _add(self, path, mode):
            names, name = self._place(path)
            names[name] = Node(mode)
            return names[name]

        def _open(self, node):
            self.next += 1
            self.open_files[self.next] = node
            return self.next

        def getattr(self, path, fh=None):
            node = self.open_files[fh] if fh else self._find(path)
            folder = stat.S_ISDIR(node.mode)
            return {"st_mode": node.mode, "st_nlink": 2 if folder else node.links, "st_size": 0 if folder else len(node.now),
                    "st_mtime": node.time, "st_ctime": node.time, "st_atime": node.time, "st_uid": os.getuid(),
                    "st_gid": os.getgid()}

        def readdir(self, path, fh):
            return [".", "..", *self._find(path).now]

        def mkdir(self, path, mode):
            self._add(path, stat.S_IFDIR | mode)

        def mknod(self, path, mode, dev):
            self._add(path, mode)

        def create(self, path, mode, fi=None):
            return self._open(self._add(path, stat.S_IFREG | stat.S_IMODE(mode)))

        def symlink(self, target, source):
            self._add(target, stat.S_IFLNK | 0o777).now = source

        def readlink(self, path):
            return self._find(path).now

        def open(self, path, flags):
            return self._open(self._find(path))

        def release(self, path, fh):
            del self.open_files[fh]

        def read(self, path, size, offset, fh):
            return bytes(self.open_files[fh].now[offset:offset + size])

        def write(self, path, data, offset, fh):
            node = self.open_files[fh]
            if len(node.now) < offset:
                node.now.extend(bytes(offset - len(node.now)))
            node.now[offset:offset + len(data)] = data
            node.frozen, node.time = None, time.time()
            return len(data)

        def truncate(self, path, length, fh=None):
            node = self.open_files[fh] if fh else self._find(path)
            del node.now[length:]
            node.now.extend(bytes(length - len(node.now)))
            node.frozen, node.time = None, time.time()

        def unlink(self, path):
            names, name = self._place(path)
            names.pop(name).links -= 1

        def rmdir(self, path):
            names, name = self._place(path)
            if names[name].now:
                raise fuse.FuseOSError(errno.ENOTEMPTY)
            del names[name]

        def rename(self, old, new):
            from_names, from_name = self._place(old)
            to_names, to_name = self._place(new)
            self._note(f"rename {new}")
            node = from_names.pop(from_name)
            if to_name in to_names:
                to_names[to_name].links -= 1
            to_names[to_name] = node

        def link(self, target, source):
            self._note(f"link {target}")
            names, name = self._place(target)
            if name in names:
                raise fuse.FuseOSError(errno.EEXIST)
            names[name] = self._find(source)
            names[name].links += 1

        def fsync(self, path, datasync, fh):
            self._note(f"fsync {path}")
            self.open_files[fh].sync()

        def fsyncdir(self, path, datasync, fh):
            self._note(f"fsync {path}")
            self._find(path).sync()

        def chmod(self, path, mode):
            node = self._find(path)
            node.mode = stat.S_IFMT(node.mode) | stat.S_IMODE(mode)

        def chown(self, path, uid, gid):
            pass

        def utimens(self, path, times=None):
            self._find(path).time = times[1] if times else time.time()

        def statfs(self, path):
            return {"f_bsize": PAGE, "f_frsize": PAGE, "f_blocks": 1 << 24, "f_bfree": 1 << 23, "f_bavail": 1 << 23,
                    "f_files": 1 << 20, "f_ffree": 1 << 20, "f_namemax": 255}

    files = Files()

    def listen():
        for line in sys.stdin.buffer:
            with files.mutex:
                answer, files.recording = None, line == b"record\n"
                if files.recording:
                    files.states = []
                else:
                    answer = [(s.what, s.nodes) for s in [*files.states, State.of(files.root, "end")]]
            pickle.dump(answer, sys.stdout.buffer)
            sys.stdout.buffer.flush()
    threading.Thread(target=listen, daemon=True).start()
    fuse.FUSE(files, path, foreground=True, nothreads=True, hard_remove=True, default_permissions=True)


if __name__ == "__main__":
    serve(sys.argv[1])
