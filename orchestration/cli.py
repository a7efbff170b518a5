"""The command `returnscope`: reads arguments, calls one plain function, says what came of it, ends with 0, 1, 2 or 3.

Belongs here: arguments, messages, exit codes. Does not belong: work. Heavy libraries are imported by the command that
needs them, so that `returnscope --help` answers at once.

Exit codes: 0 done; 1 failed; 2 wrong use (arguments, configuration); 3 built, but the audit refused to publish.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from orchestration.console import duration, say, warn

if TYPE_CHECKING:
    from data_contracts.settings import Settings
    from ingestion.connectors import Request, Window
    from ingestion.ledger import Pull
    from orchestration.pipeline import Night

DONE, FAILED, WRONG_USE, REFUSED = 0, 1, 2, 3


class Day(click.ParamType[date]):
    """A day, YYYY-MM-DD."""

    name = "day"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        """The day, or a usage error."""
        if isinstance(value, date):
            return value
        try:
            return date.fromisoformat(value)
        except ValueError:
            self.fail(f"{value!r} is not a day; write it as 2026-01-31", param, ctx)


class Moment(click.ParamType[datetime]):
    """A moment, ISO 8601; without a zone it is UTC; a bare day is its last microsecond where `ends_day` says so."""

    name = "time"

    def __init__(self, *, ends_day: bool = False) -> None:
        self.ends_day = ends_day

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        """The moment in UTC, or a usage error."""
        if isinstance(value, datetime):
            return value
        try:
            moment = datetime.fromisoformat(value)
            if self.ends_day and len(value) <= 10:
                moment = moment.replace(hour=23, minute=59, second=59, microsecond=999_999)
        except ValueError:
            self.fail(f"{value!r} is not a time; write it as 2026-01-31T04:00:00Z", param, ctx)
        return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)


class WindowOf(click.ParamType["Window"]):
    """A window of days, FROM..TO, both inclusive."""

    name = "from..to"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Window:
        """The window, or a usage error."""
        from ingestion.connectors import Window

        if isinstance(value, Window):
            return value
        first, separator, last = str(value).partition("..")
        try:
            if not separator:
                raise ValueError("it has no '..'")
            return Window(date.fromisoformat(first), date.fromisoformat(last))
        except ValueError as error:
            self.fail(f"{value!r} is not a window ({error}); write it as 2026-01-01..2026-01-31", param, ctx)


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.option("-v", "--verbose", is_flag=True, help="Say more on standard error.")
@click.version_option(package_name="returnscope")
def cli(verbose: bool) -> None:
    """Amazon return reports to ASIN-level marts a seller can trust to the unit and to the cent."""
    logging.basicConfig(
        level=logging.INFO if verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(name)s: %(message)s",
        stream=sys.stderr,
    )


@cli.command()
@click.option("--days", type=click.IntRange(1, 800), default=30, show_default=True, help="Days to simulate.")
@click.option("--seed", type=int, default=1, show_default=True, help="Another seed, another world.")
@click.option("--asins", type=click.IntRange(1, 5000), default=200, show_default=True, help="ASINs in all.")
def demo(days: int, seed: int, asins: int) -> int:
    """Simulate feeds whose truth is known, and run the whole pipeline on them."""
    from orchestration.demo import outcome_lines, run_demo

    settings = _settings()
    night = run_demo(settings, days=days, seed=seed, asins=asins)
    code = _report_night(night)
    if code != REFUSED:
        for line in outcome_lines(settings):
            say(line)
    return code


@cli.command()
@click.argument("paths", metavar="PATH...", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path))
@click.option("--store", required=True, help="Store that the reports belong to.")
@click.option("--feed", help="Feed of the files; recognised by their headers when not named.")
@click.option("--window", type=WindowOf(), help="Days that were asked for, both inclusive; claims none if unsaid.")
@click.option(
    "--delivered-at", type=Moment(), help="When the source delivered (ISO 8601, UTC if no zone); now if unsaid."
)
@click.option("--mapping", help="Mapping file of a seller's own export, or its name in returnscope.toml.")
def ingest(
    paths: tuple[Path, ...],
    store: str,
    feed: str | None,
    window: Window | None,
    delivered_at: datetime | None,
    mapping: str | None,
) -> int:
    """Take report files, or folders of them, as deliveries of a store."""
    from ingestion.lake import open_lake
    from orchestration.due import expand, take_files

    if delivered_at is not None and delivered_at > datetime.now(UTC):
        raise click.UsageError(f"--delivered-at {delivered_at:%Y-%m-%dT%H:%M:%SZ} lies in the future")
    settings = _settings()
    settings.store(store)
    if feed is not None:
        _check_feed(feed)
    lake = open_lake(settings.lake)
    files = list(expand(paths))
    if not files:
        raise click.UsageError(f"no files in {', '.join(map(str, paths))} (hidden ones are passed over)")
    mapping_path = _mapping(settings, mapping) if mapping else None
    pulls: list[Pull] = []
    for path, pull in take_files(
        lake, settings, files, store=store, feed=feed, window=window, delivered_at=delivered_at, mapping=mapping_path
    ):
        pulls.append(pull)
        _say_pull(str(path), pull)
    failed = [pull for pull in pulls if pull.outcome == "failed"]
    repeated = [pull for pull in pulls if pull.outcome == "duplicate"]
    new = [pull for pull in pulls if pull.outcome not in ("failed", "duplicate")]
    rows = sum(pull.rows_bronze or 0 for pull in new)
    quarantined = sum(pull.rows_quarantined or 0 for pull in new)
    known = f", {len(repeated):,} files known already" if repeated else ""
    say(f"{len(pulls):,} files: {rows:,} rows taken, {quarantined:,} quarantined, {len(failed):,} files failed{known}")
    if any(pull.restates for pull in pulls):
        say("Next: returnscope run")
    return FAILED if failed else DONE


@cli.command()
@click.option("--store", help="Store to ask for; all that have a connector when not named.")
@click.option("--feed", help="Only this feed.")
@click.option("--from", "first", type=Day(), help="First day; as far back as may be restated when not named.")
@click.option("--to", "last", type=Day(), help="Last day, itself included; yesterday when not named.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be asked for, and stop.")
def pull(store: str | None, feed: str | None, first: date | None, last: date | None, only_plan: bool) -> int:
    """Ask the stores' connectors for the windows that are due."""
    from ingestion.lake import open_lake
    from orchestration.due import plan_requests, pull_requests

    settings = _settings()
    _check_scope(settings, store, feed, first, last)
    asked = [own for name, own in settings.stores.items() if store in (None, name)]
    if all(own.connector == "inbox" for own in asked):
        raise click.UsageError(
            f"{f'store {store!r} gets its files through the inbox' if store else 'no store has a connector'}: set "
            f'connector = "sp-api" below [stores.NAME] in {settings.config}, or take files in with returnscope ingest'
        )
    lake = open_lake(settings.lake)
    requests = plan_requests(lake, settings, store=store, feed=feed, wanted=_window(first, last))
    if only_plan or not requests:
        _say_requests(settings, requests)
        return DONE
    pulls = pull_requests(lake, settings, requests, on_pull=lambda pull: _say_pull(_asked(pull), pull))
    return FAILED if any(pull.outcome == "failed" for pull in pulls) else DONE


@cli.command()
@click.option("--as-of", type=Day(), help="Day on which windows end; the newest complete day when not named.")
@click.option("--known-by", type=Moment(ends_day=True), help="Only deliveries up to this time (a bare day: all of it).")
@click.option("--force", is_flag=True, help="Build again although nothing has changed.")
def run(as_of: date | None, known_by: datetime | None, force: bool) -> int:
    """The nightly job: take what is due, build, audit, publish, alert. With a day or time: rebuild that past night."""
    from orchestration.pipeline import nightly

    if as_of is not None and as_of > (today := datetime.now(UTC).date()):
        raise click.UsageError(f"--as-of {as_of} lies in the future: nothing of it is complete; today is {today}")
    return _report_night(nightly(_settings(), as_of=as_of, known_by=known_by, force=force, tell=say))


@cli.command()
@click.option("--season", type=click.IntRange(2000, 2100), help="Holiday season: 1 November to 31 January after it.")
@click.option("--from", "first", type=Day(), help="First day.")
@click.option("--to", "last", type=Day(), help="Last day, itself included.")
@click.option("--store", help="Only this store.")
@click.option("--feed", help="Only this feed.")
@click.option("--plan", "only_plan", is_flag=True, help="Say what would be asked for, and stop.")
def backfill(
    season: int | None, first: date | None, last: date | None, store: str | None, feed: str | None, only_plan: bool
) -> int:
    """Load a season or any range again, resumable; one build at the end, with a table of what changed."""
    from ingestion.connectors import Window
    from orchestration.backfill import gap_lines, gaps, run_backfill

    if (season is None) == (first is None or last is None) or (season is not None and (first or last)):
        raise click.UsageError("name either --season YEAR or both --from and --to")
    settings = _settings()
    _check_scope(settings, store, feed, first, last)
    wanted = _window(first, last) if season is None else Window(date(season, 11, 1), date(season + 1, 1, 31))
    if wanted is None:
        raise click.UsageError("name both --from and --to")
    if wanted.first >= (today := datetime.now(UTC).date()):
        raise click.UsageError(f"{wanted} lies in the future: no day of it is over; today is {today}")
    if only_plan:
        from ingestion.lake import open_lake
        from ingestion.ledger import Ledger
        from orchestration.due import plan_requests

        lake = open_lake(settings.lake)
        missing = gaps(Ledger(lake).pulls(), settings, wanted, store=store, feed=feed)
        for line in gap_lines(settings, missing):
            say(line)
        requests = plan_requests(lake, settings, store=store, feed=feed, wanted=wanted)
        if requests or not missing:
            _say_requests(settings, requests)
        return DONE
    done = run_backfill(settings, wanted, store=store, feed=feed, tell=say)
    code = _report_night(done.night)
    for line in done.lines():
        say(line)
    return FAILED if code == DONE and done.gaps else code


@cli.command()
@click.argument("file", metavar="FILE.jsonl", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--out", required=True, metavar="OUT.jsonl", type=click.Path(dir_okay=False, path_type=Path))
@click.option("--text", default="text", show_default=True, help="Field with the comment.")
@click.option("--code", default="code", show_default=True, help="Field with the reason code.")
@click.option("--language", default="language", show_default=True, help="Field with the language.")
@click.option("--product", default="product", show_default=True, help="Field with the product or its kind.")
def classify(file: Path, out: Path, text: str, code: str, language: str, product: str) -> int:
    """Reason class, confidence and deciding words for each line of a JSONL file."""
    from classification.files import BadInputError, NoSuchFieldError, classify_file
    from ingestion.failures import PermanentFailure

    try:
        summary = classify_file(
            file, out, text_field=text, code_field=code, language_field=language, product_field=product
        )
    except NoSuchFieldError as error:
        raise click.UsageError(str(error)) from error
    except BadInputError as error:
        raise PermanentFailure(error.what, error.where, error.remedy) from error
    say(f"{summary.comments:,} lines classified: {out}")
    return DONE


@cli.command()
def status() -> int:
    """What is complete, missing, cancelled, failed, quarantined; and what is published."""
    from orchestration.status import show_status

    show_status(_settings())
    return DONE


@cli.command()
@click.option("--release", default="current", show_default=True, help="Release to verify.")
def verify(release: str) -> int:
    """Rebuild the published release from what came in alone, and compare every mart with it."""
    from orchestration.verify import verify_release

    return DONE if verify_release(_settings(), release, tell=say) else FAILED


@cli.command()
@click.argument("release_a", metavar="RELEASE_A", default="previous")
@click.argument("release_b", metavar="RELEASE_B", default="current")
@click.option("--rows", type=click.IntRange(0, 1000), default=5, show_default=True, help="Changed rows shown per mart.")
def diff(release_a: str, release_b: str, rows: int) -> int:
    """What differs between two releases, and which deliveries brought it (default: the previous and the current)."""
    from orchestration.diff import show_diff

    show_diff(_settings(), release_a, release_b, sample=rows)
    return DONE


@cli.command()
@click.option("--to", metavar="URL", help="postgresql://user@host/database; RETURNSCOPE_POSTGRES when not named.")
@click.option("--release", default="current", show_default=True, help="Release to publish there.")
@click.option(
    "--keep", type=click.IntRange(0), help="Earlier releases kept beside it; 3, or [postgres] keep, if unsaid."
)
@click.option("--reader", help="Role that may read; returnscope_reader, or [postgres] reader, when not named.")
def publish(to: str | None, release: str, keep: int | None, reader: str | None) -> int:
    """Load a release into PostgreSQL and swap it in; readers of schema marts never see half of it."""
    from ingestion.lake import open_lake
    from orchestration import postgres, releases

    settings = _settings()
    if not (url := to or postgres.configured()):
        raise click.UsageError(f"say where: --to postgresql://user@host/database, or set {postgres.VARIABLE}")
    address = postgres.Address.parse(url)
    lake = open_lake(settings.lake)
    done = postgres.load_release(
        lake,
        releases.get(lake, release),
        address,
        keep=settings.postgres.keep if keep is None else keep,
        reader=reader or settings.postgres.reader,
        tell=say,
    )
    for line in done.lines():
        say(line)
    return DONE


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def panel(arguments: tuple[str, ...]) -> NoReturn:
    """The control panel in the browser; further arguments go to Streamlit (--server.port 8600)."""
    if not (Path(__file__).resolve().parents[1] / "panel" / "app.py").is_file():
        raise click.ClickException("the panel is not part of this installation; any DuckDB client can read the marts")
    _start("panel", *arguments)


@cli.command(context_settings={"ignore_unknown_options": True}, add_help_option=False)
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def report(arguments: tuple[str, ...]) -> NoReturn:
    """One page for a manager about a month, as HTML and PDF: --month 2026-01 [--store S] [--lang zh] [--out DIR]."""
    _start("panel.report", *arguments)


@cli.command(context_settings={"ignore_unknown_options": True})
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def dagster(arguments: tuple[str, ...]) -> NoReturn:
    """Dagster's own UI with schedule and sensors; further arguments go to `dagster dev` (--port 3001)."""
    from orchestration.dagster_home import prepare_dagster_home

    settings = _settings()
    root = Path(__file__).resolve().parents[1]
    os.environ["DAGSTER_HOME"] = str(prepare_dagster_home(settings))
    os.environ["RETURNSCOPE_HOME"] = str(settings.home)  # defaults depend on the folder, which changes here
    if settings.config.is_file():
        os.environ["RETURNSCOPE_CONFIG"] = str(settings.config)
    os.chdir(root)
    _start("dagster", "dev", "-w", str(root / "workspace.yaml"), *arguments)


def _start(module: str, *arguments: str) -> NoReturn:
    """Become another program of this environment, so that its signals and exit code are its own."""
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606


def _settings() -> Settings:
    from data_contracts.settings import load_settings

    return load_settings()


def _check_feed(feed: str) -> None:
    from data_contracts.registry import get_feed

    try:
        get_feed(feed)
    except KeyError as error:
        raise click.UsageError(error.args[0]) from error


def _check_scope(
    settings: Settings, store: str | None, feed: str | None, first: date | None, last: date | None
) -> None:
    if store is not None and settings.store(store) is None:
        raise click.UsageError(f"store {store!r} is not declared: add [stores.{store}] to {settings.config}")
    if feed is not None:
        _check_feed(feed)
    if first and last and last < first:
        raise click.UsageError(f"--to {last} lies before --from {first}")


def _window(first: date | None, last: date | None) -> Window | None:
    """The days between two options: both or none must be named."""
    from ingestion.connectors import Window

    if first is None and last is None:
        return None
    if first is None or last is None:
        raise click.UsageError("name both --from and --to, or neither")
    return Window(first, last)


def _mapping(settings: Settings, name: str) -> Path:
    path = settings.mappings.get(name) or Path(name)
    if not path.is_file():
        known = f"; named in {settings.config}: {', '.join(settings.mappings)}" if settings.mappings else ""
        raise click.UsageError(f"no mapping file {path}{known}")
    return path


def _say_pull(name: str, pull: Pull) -> None:
    if pull.outcome == "failed":
        warn(f"{name}: FAILED: {pull.error}")
        return
    quarantined = f", {pull.rows_quarantined:,} quarantined" if pull.rows_quarantined else ""
    window = f", {pull.window_from}..{pull.window_to}" if pull.window_from else ""
    if pull.outcome == "duplicate":
        means = f"its {pull.rows_in or 0:,} rows count again{window}" if pull.restates else "nothing changes"
        say(f"{name}: {pull.feed}: duplicate: these bytes were taken before; {means}")
        return
    rows = f"{pull.rows_in or 0:,} rows, {pull.rows_bronze or 0:,} to bronze{quarantined}{window}"
    unknown = f" (columns not in the contract: {', '.join(pull.unknown_columns)})" if pull.unknown_columns else ""
    say(f"{name}: {pull.feed}: {rows}: {pull.outcome}{unknown}")


def _asked(pull: Pull) -> str:
    return f"{pull.store}/{pull.feed}"


def _say_requests(settings: Settings, requests: list[Request]) -> None:
    from orchestration.due import plan_lines

    if not requests:
        say("Nothing is due: every window has been asked for since it could last change.")
    for line in plan_lines(settings, requests):
        say(line)


def _report_night(night: Night) -> int:
    for line in night.lines():
        say(line)
    if night.seconds:
        say("Took " + ", ".join(f"{name} {duration(seconds)}" for name, seconds in night.seconds.items()))
    if night.outcome == "refused":
        return REFUSED
    return FAILED if night.failed or night.untaken or night.postgres_failure else DONE


def main() -> NoReturn:
    """Entry point of the console script."""
    sys.exit(_guarded(lambda: cli.main(prog_name="returnscope", standalone_mode=False)))


def _guarded(work: Callable[[], Any]) -> int:
    """Run, and turn every failure that is not a fault of ours into a message and an exit code."""
    from data_contracts.settings import SettingsError
    from ingestion.failures import ReturnscopeError

    try:
        code = work()
    except click.UsageError as error:
        error.show()
        return WRONG_USE
    except click.ClickException as error:
        error.show()
        return FAILED
    except SettingsError as error:
        warn(f"Configuration: {error}")
        return WRONG_USE
    except ReturnscopeError as error:
        from ingestion.intake import WrongUse

        is_wrong_use = isinstance(error, WrongUse)
        warn(f"{'Wrong use' if is_wrong_use else 'Failed'}: {error.what}")
        warn(f"  where: {error.where}\n  next:  {error.remedy}")
        return WRONG_USE if is_wrong_use else FAILED
    except (KeyboardInterrupt, click.Abort):
        warn("Stopped. Nothing half-done is visible; run the same command again to go on.")
        return FAILED
    except BrokenPipeError:
        sys.stderr.close()
        return FAILED
    except OSError as error:  # a full disk, a folder that may not be written, a path through a file
        logging.getLogger(__name__).info("what the system refused", exc_info=True)
        warn(f"Failed: {error.strerror or error}")
        warn(f"  where: {error.filename or 'unnamed'}\n  next:  Check that it can be read and written and has room.")
        return FAILED
    except Exception as error:
        from orchestration.trouble import is_of_a_library

        if not is_of_a_library(error):
            raise
        warn(f"Failed: a file cannot be read or written: {error}")
        warn("  next:  Run `returnscope run`, which makes damaged files again and says what it cannot make again.")
        return FAILED
    return code if isinstance(code, int) else DONE


if __name__ == "__main__":
    main()
