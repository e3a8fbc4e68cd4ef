"""The faults, each with a name: something is killed, cut off or lied to, and put right again."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from random import Random

import psycopg

from benchmarks.chaos.proxy import Proxy
from benchmarks.chaos.servers import Redis, Worker

TERMINATE = """
    SELECT pg_terminate_backend(pid) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> ALL(%s) AND backend_type = 'client backend'
    ORDER BY random() LIMIT 3
"""


@dataclass
class Faults:
    """Everything that can go wrong. spared: the watchers' backends. windows: what happened, from when to when."""

    redis: Redis
    redis_proxy: Proxy
    database_proxy: Proxy
    worker: Worker
    database_url: str
    spared: list[int]
    chance: Random
    windows: list[tuple[str, float, float]] = field(default_factory=list)

    def all(self) -> dict[str, Callable[[], None]]:
        """By name, as they are printed."""
        return {
            "kill -9 of a worker's process": self.kill_child,
            "kill -9 of the whole worker": self.kill_worker,
            "Redis refuses": lambda: self._redis(self.redis_proxy.refuse, 3),
            "Redis is a black hole": lambda: self._redis(self.redis_proxy.swallow, 3),
            "Redis is slow": lambda: self._redis(lambda: self.redis_proxy.delay(0.3), 2),
            "Redis is flushed": self.flush,
            "Redis is killed and comes back empty": self.restart_redis,
            "PostgreSQL ends connections": self.terminate,
            "PostgreSQL's connections are cut": self.database_proxy.reset,
            "the reply to COMMIT is lost": self.drop_commit_replies,
            "PostgreSQL is slow": self.slow_database,
        }

    def run(self, seconds: float) -> None:
        """Have them happen one after the other, in an order by chance, each at least once if there is time."""
        give_up = time.monotonic() + seconds
        while time.monotonic() < give_up:
            for name, fault in self.chance.sample(list(self.all().items()), len(self.all())):
                if time.monotonic() > give_up:
                    return
                start = time.monotonic()
                fault()
                self.windows.append((name, start, time.monotonic()))
                time.sleep(self.chance.uniform(0.5, 2))
                self.worker.revive()

    def kill_child(self) -> None:
        if pids := self.worker.child_pids():
            self.worker.kill_child(self.chance.choice(pids))

    def kill_worker(self) -> None:
        self.worker.kill()
        time.sleep(self.chance.uniform(0, 2))
        self.worker.start()

    def flush(self) -> None:
        with self.redis.client() as client:
            client.flushall()

    def restart_redis(self) -> None:
        self.redis.kill()
        time.sleep(1)
        self.redis.start()

    def terminate(self) -> None:
        with psycopg.connect(self.database_url, autocommit=True) as connection:
            connection.execute(TERMINATE, [[*self.spared, connection.info.backend_pid]])

    def drop_commit_replies(self) -> None:
        self.database_proxy.drop_commit_replies(5)
        time.sleep(2)
        self.database_proxy.drop_commit_replies(0)

    def slow_database(self) -> None:
        self.database_proxy.delay(0.02)
        time.sleep(2)
        self.database_proxy.open()

    def _redis(self, begin: Callable[[], None], seconds: float) -> None:
        begin()
        time.sleep(seconds)
        self.redis_proxy.open()
