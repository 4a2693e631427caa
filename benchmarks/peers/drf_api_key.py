"""djangorestframework-api-key: each line `N` on standard input is N verifications."""

import json
import random
import sys
import time
from pathlib import Path

import django
from django.conf import settings

folder, count = Path(sys.argv[1]), int(sys.argv[2])
settings.configure(
    DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "drf.db")}},
    INSTALLED_APPS=["rest_framework_api_key"],
    DEFAULT_AUTO_FIELD="django.db.models.BigAutoField",
    USE_TZ=True,
)
django.setup()

from django.core.management import call_command  # noqa: E402 - after the setup
from django.db import connection  # noqa: E402
from rest_framework_api_key.models import APIKey  # noqa: E402

call_command("migrate", verbosity=0)
with connection.cursor() as cursor:
    cursor.execute("PRAGMA journal_mode = WAL")
made = [APIKey(name="benchmark") for _ in range(count)]
tokens = [APIKey.objects.assign_key(key) for key in made]
APIKey.objects.bulk_create(made, batch_size=500)
del made
print(json.dumps({"keys": count}), flush=True)
for line in sys.stdin:
    sample = random.sample(tokens, min(int(line), count))
    wall, cpu = time.perf_counter(), time.process_time()
    for token in sample:
        assert APIKey.objects.is_valid(token)
    answer = {"calls": len(sample), "wall": time.perf_counter() - wall,
              "cpu": time.process_time() - cpu}  # fmt: skip
    print(json.dumps(answer), flush=True)
