"""Every setting, as data: from QUOTEBOUND_* in the environment, else `quotebound.toml`, else its default."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import (
    BaseSettings,
    NoDecode,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
    TomlConfigSettingsSource,
)

from index.chunking import CHUNK_TOKENS
from index.embedding.model_files import PACKAGED_MODEL
from rag.errors import InvalidSetting
from rag.hosts import is_loopback

CONFIG_FILE = "quotebound.toml"

OWN_READER = "quotebound"
SIMILARITY = "similarity"


class Settings(BaseSettings):
    """What can be set. Frozen, and it builds nothing: `wiring` does."""

    model_config = SettingsConfigDict(
        env_prefix="QUOTEBOUND_", frozen=True, extra="forbid", toml_file=CONFIG_FILE, env_ignore_empty=True
    )

    home: Path = Field(Path(".quotebound"), description="folder that holds all data")
    host: str = Field("127.0.0.1", description="address to serve on; another than loopback needs an API key")
    port: int = Field(8000, ge=1, le=65535, description="port to serve on")
    api_key: SecretStr | None = Field(None, description="key that every request must carry once it is set")
    allowed_hosts: Annotated[
        tuple[str, ...], NoDecode, Field(description="further names the service is reached by, with commas")
    ] = ()

    model: str | None = Field(
        None,
        description="embedding model: packaged name, folder, or name on the hub; unset: each collection's "
        f"own, and {PACKAGED_MODEL} for a new one",
    )
    allow_download: bool = Field(False, description="fetch a model that is not on this machine")
    precision: Literal["auto", "f32", "bf16", "int8", "torch", "cuda"] = Field(
        "auto",
        description="in what numbers the model computes: bf16 where the processor has it, else f32; int8 is "
        "quicker, and its vectors are a little off (cosine from 0.995); torch does without compiling, "
        "cuda computes with torch on a GPU",
    )
    model_cache: Path | None = Field(
        None, description="folder for compiled models; unset: `models` in the home"
    )
    chunk_tokens: int | None = Field(
        None,
        ge=16,
        le=2000,
        description="target length of a passage in tiktoken tokens; unset: each collection's own, and "
        f"{CHUNK_TOKENS} for a new one",
    )

    reader: str = Field(
        OWN_READER,
        min_length=1,
        description=f"what reads passages: {OWN_READER}, the network that ships with the product; "
        f"{SIMILARITY}, the embedding model alone; or a question-answering or cross-encoder model by folder "
        "or name on the hub",
    )
    threshold: float | None = Field(
        None, ge=0, le=1, description="least probability at which to answer; unset: as fitted with the reader"
    )
    llm_url: str | None = Field(
        None,
        pattern=r"^https?://[^\s/@]+(/\S*)?$",
        description="base URL of a server that speaks the OpenAI protocol and writes answers, as in "
        "http://127.0.0.1:11434/v1; unset: answers are the documents' own sentences",
    )
    llm_model: str | None = Field(
        None, min_length=1, description="language model to ask for; unset: the first that the server lists"
    )
    llm_key: SecretStr | None = Field(None, description="key for the language model's server")
    llm_temperature: float = Field(0.0, ge=0, le=2, description="how freely the language model writes")
    llm_context: int = Field(
        4096, ge=1024, le=2_000_000, description="tokens that the language model takes, prompt and reply"
    )
    llm_max_tokens: int = Field(800, ge=64, le=32_000, description="tokens that a reply may have")
    llm_timeout: float = Field(
        60, gt=0, le=3600, description="seconds that the language model may be silent before it is given up"
    )
    llm_deadline: float = Field(300, gt=0, le=86_400, description="seconds that a whole reply may take")
    llm_retries: int = Field(
        2, ge=0, le=10, description="how often a request that the server failed is made again, with back-off"
    )
    llm_parallel: int = Field(8, ge=1, le=1000, description="requests to the language model at once")
    llm_format: Literal["auto", "json", "lines"] = Field(
        "auto",
        description="form of replies: json, held to a schema by the server; lines, for small models; "
        "auto: json where the server can",
    )
    unsupported: Literal["drop", "mark"] = Field(
        "drop",
        description="sentences of a language model under which no quote stands: drop leaves them out, mark "
        "shows them as not supported by the documents",
    )
    keep_originals: bool = Field(
        True, description="keep the bytes of PDFs, so that quotes can be shown on their pages"
    )
    max_file_mb: float = Field(32, gt=0, le=4096, description="greatest size of a file or upload")

    ocr: Literal["auto", "off", "force"] = Field(
        "auto",
        description="when pages are read by OCR, with tesseract where that is installed: auto for pages "
        "without text, off for none, force for all of a PDF",
    )
    ocr_languages: str = Field(
        "eng",
        pattern=r"^[A-Za-z][A-Za-z0-9_/]*(\+[A-Za-z][A-Za-z0-9_/]*)*$",
        description="languages of OCR as tesseract names them, joined with +, as in deu+eng",
    )
    max_unpacked_mb: float = Field(
        256, gt=0, le=16_384, description="greatest size of what is in a compressed file, unpacked"
    )
    parse_seconds: float = Field(
        30, gt=0, le=86_400, description="how long reading a page of a file may take before it is given up"
    )
    parse_memory_mb: int = Field(
        2048, ge=256, le=1_048_576, description="greatest memory for reading a file, in a process of its own"
    )

    workers: int = Field(2, ge=1, le=64, description="requests that are worked on at once")
    queue: int = Field(32, ge=0, le=10_000, description="requests that may wait for a worker")
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="least level logged")

    @field_validator("allowed_hosts", mode="before")
    @classmethod
    def _split(cls, names: object) -> object:
        return tuple(filter(None, names.replace(",", " ").split())) if isinstance(names, str) else names

    @field_validator("api_key")
    @classmethod
    def _not_trivial(cls, key: SecretStr | None) -> SecretStr | None:
        if key is not None and len(key.get_secret_value()) < 16:
            raise ValueError("an API key needs at least 16 characters")
        return key

    @property
    def compiled_models(self) -> Path:
        """The folder for compiled models."""
        return self.model_cache or self.home / "models"

    @property
    def max_bytes(self) -> int:
        """The greatest size of a file or upload in bytes."""
        return int(self.max_file_mb * 2**20)

    @property
    def serves_loopback_only(self) -> bool:
        """Whether no other machine can reach the service."""
        return is_loopback(self.host)

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the signature is pydantic's
        file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Take arguments over the environment, and the environment over the file."""
        return init_settings, env_settings, TomlConfigSettingsSource(settings_cls)


def load_settings(**given: Any) -> Settings:
    """Return the settings, those `given` that are not None over all others.

    Raise `InvalidSetting` naming the one that cannot be used.
    """
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        faults = "; ".join(
            f"QUOTEBOUND_{'_'.join(map(str, fault['loc'])).upper()}: {fault['msg']}"
            for fault in error.errors()
        )
        raise InvalidSetting(faults) from error
    except ValueError as error:
        raise InvalidSetting(f"{CONFIG_FILE} cannot be read: {error}") from error
