import test from 'ava'
import { busContract } from '../../contracts/bus.ts'
import { openEmbeddedSubject } from './embedded-subject.ts'

busContract(test.serial, () => openEmbeddedSubject())
