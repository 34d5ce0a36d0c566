//! The hub side from outside: over made-up caches, against a stand-in Hub, beside the real Python client.

mod catalog;
mod endurance;
mod foresee;
mod here;
#[path = "../support/hub_server.rs"]
mod hub_server;
mod listing;
mod local;
mod made;
mod network;
mod package;
mod pages;
mod parts;
#[path = "../support/proxy.rs"]
mod proxy;
mod python;
mod quantised;
mod queue;
mod removed;
mod search;
mod verified;
mod ways;
